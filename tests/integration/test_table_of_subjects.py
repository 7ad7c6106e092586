"""A table with sex and age of each study: with a folder, with masks, and what comes of a bad one."""

from __future__ import annotations

import json

import numpy as np
import pytest

from septum.core import Cine
from septum.io import write_image
from septum.phantom import PhantomSettings, beating_heart

SMALL = PhantomSettings(frames=3, slices=6, matrix=(72, 72), in_plane_mm=3.0, slice_spacing_mm=14.0)


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


def test_masks_are_found_in_the_table_by_the_name_of_their_results(septum, tmp_path):
    heart = beating_heart(np.random.default_rng(0), SMALL)
    mask, out, table = tmp_path / "heart_seg.nii.gz", tmp_path / "out", tmp_path / "people.csv"
    write_image(mask, Cine(heart.truth.labels, heart.truth.geometry, 40.0))
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
