"""Sex and age of each study, by options and by a table: missing, wrong, or of somebody else."""

from __future__ import annotations

import json

import numpy as np
import pytest

from septum.core import Cine
from septum.io import write_image
from septum.phantom import PhantomSettings, beating_heart
from support.dicom_study import flat, images, stored, write

SMALL = PhantomSettings(frames=3, slices=6, matrix=(72, 72), in_plane_mm=3.0, slice_spacing_mm=14.0)


@pytest.fixture(scope="module")
def mask(tmp_path_factory):
    """A mask of a beating heart."""
    heart, path = beating_heart(np.random.default_rng(0), SMALL), tmp_path_factory.mktemp("masks")
    write_image(path / "heart_seg.nii.gz", Cine(heart.truth.labels, heart.truth.geometry, 40.0))
    return path / "heart_seg.nii.gz"


def people_of(out):
    """Sex, age and people compared with, by the name of the result."""
    found = {}
    for path in sorted(out.glob("*_seg.json")):
        record = json.loads(path.read_text())
        given, compared = record["settings"]["indices"], record["reference"]
        found[path.name.removesuffix("_seg.json")] = (
            given["sex"],
            given["age_years"],
            compared and compared["group"],
        )
    return found


def test_each_study_of_a_folder_is_compared_with_its_own_people(septum, bundle, write_study, tmp_path):
    data, out, table = tmp_path / "data", tmp_path / "out", tmp_path / "people.csv"
    for seed, name in enumerate("abc"):
        write_study(data / f"{name}.nii.gz", frames=2, seed=seed)
    table.write_text("name,sex,age\na,F,54\nb,M,\nelsewhere,M,40\n")
    command = ("segment", data, "-o", out, "--model", bundle, "--subjects", table)
    answer = septum(*command, "--reference", "hhc2024", "--age", "33")
    assert answer.code == 0, answer.err
    assert people_of(out) == {
        "a": ("F", 54.0, "women, 50 to 59 years, White"),
        "b": ("M", 33.0, "men, 30 to 39 years, White"),
        "c": (None, 33.0, ""),
    }
    assert "1 of 3 studies have no row" in answer.err
    assert "row 4" in answer.err
    again = septum(*command, "--reference", "hhc2024", "--age", "33")
    assert "3 already done" in again.out
    table.write_text("name,sex,age\na,F,64\nb,M,\n")
    changed = septum(*command, "--reference", "hhc2024", "--age", "33")
    assert "1 with the mask kept, 2 already done" in changed.out
    assert people_of(out)["a"] == ("F", 64.0, "women, 60 to 69 years, White")


def test_masks_are_found_in_the_table_by_the_name_of_their_results(septum, mask, tmp_path):
    out, table = tmp_path / "out", tmp_path / "people.csv"
    table.write_text("name;sex;age\nheart;m;61.5\n")
    answer = septum("measure", mask, "-o", out, "--subjects", table)
    assert (answer.code, answer.err.count("no row")) == (0, 0)
    assert people_of(out) == {"heart": ("M", 61.5, "men, 60 to 69 years, White")}


@pytest.mark.parametrize("command", ["segment", "measure"])
def test_a_table_with_a_bad_cell_is_refused_before_anything_is_done(
    septum, bundle, write_study, tmp_path, command
):
    out, table = tmp_path / "out", tmp_path / "people.csv"
    study = write_study(tmp_path / "a.nii.gz")
    table.write_text("name,sex,age\na,F,540\n")
    model = ("--model", bundle) if command == "segment" else ()
    answer = septum(command, study, "-o", out, *model, "--subjects", table)
    assert answer.code != 0
    assert f"{table}, row 2, column age" in answer.err
    assert len(answer.err.strip().splitlines()) == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--age", "54"), "sex is not given"),
        (("--sex", "F"), "age is not given"),
        (("--sex", "F", "--age", "12"), "younger than 18"),
        (("--sex", "M", "--age", "80", "--reference", "ukb2017"), "no ranges of men of this age"),
    ],
)
def test_why_there_is_no_comparison_is_said_at_once(septum, mask, tmp_path, given, told):
    answer = septum("measure", mask, "-o", tmp_path / "out", *given)
    assert (answer.code, told in answer.err, len(answer.err.strip().splitlines())) == (0, True, 1)
    assert people_of(tmp_path / "out")["heart"][2] == ""


@pytest.mark.parametrize(
    "given",
    [("--age", "130"), ("--age", "nan"), ("--sex", "X"), ("--reference", "mine"), ("--ethnicity", "X")],
)
def test_what_nobody_has_is_refused_by_its_option(septum, mask, tmp_path, given):
    answer = septum("measure", mask, "-o", tmp_path / "out", *given)
    assert (answer.code, given[0] in answer.err, (tmp_path / "out").exists()) == (2, True, False)


def test_a_table_that_a_header_contradicts_is_taken_and_told(septum, bundle, tmp_path):
    study, out, table = tmp_path / "study", tmp_path / "out", tmp_path / "people.csv"
    objects = flat(images(stored(3, 5)))
    for image in objects:
        image.PatientSex = "F"
    write(study, objects)
    table.write_text("name,sex,age\nstudy,M,41\n")
    answer = septum("segment", study, "-o", out, "--model", bundle, "--subjects", table)
    assert answer.code == 0, answer.err
    assert "The sex" in answer.err
    assert "that was given is not that of the file" in answer.err
    assert people_of(out)["study"] == ("M", 41.0, "men, 40 to 49 years, White")


def test_a_mask_of_other_structures_is_neither_compared_nor_set_beside_groups(septum, tmp_path):
    heart = beating_heart(np.random.default_rng(0), SMALL)
    atrium, out = tmp_path / "atrium_seg.nii.gz", tmp_path / "out"
    labels = (heart.truth.labels == 3).astype(np.uint8)
    write_image(atrium, Cine(labels, heart.truth.geometry, 40.0))
    given = (
        "--labels",
        "atrium",
        "--sex",
        "F",
        "--age",
        "54",
        "--pattern",
        "--height",
        "1.7",
        "--weight",
        "70",
    )
    answer = septum("measure", atrium, "-o", out, *given)
    assert answer.code == 0, answer.err
    assert "no range for any index of this mask" in answer.err
    record = json.loads((out / "atrium_seg.json").read_text())
    assert (record["reference"]["items"], record["pattern"]["likely"]) == ({}, [])
    assert "pattern_incomplete" in {note["key"] for note in record["pattern"]["notes"]}
