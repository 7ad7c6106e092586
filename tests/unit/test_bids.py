"""BIDS derivatives: names by the schema's rules, masks as nibabel has them, and no patient in a name."""

from __future__ import annotations

import csv
import json
import re
from itertools import chain

import nibabel as nib
import numpy as np
import pytest
from bidsschematools.rules import regexify_filename_rules
from bidsschematools.schema import load_schema

from septum import evaluate
from septum.core import Study
from septum.core.errors import NameTakenError, OutputError
from septum.phantom import PhantomSettings, beating_heart
from septum.workflows.measuring import measured
from septum.workflows.outputs import is_copy
from septum.workflows.provenance import Provenance
from septum.workflows.record import ModelFacts, Settings, Software

IMAGE = "ab12" * 16


@pytest.fixture(scope="module")
def schema():
    return load_schema()


@pytest.fixture(scope="module")
def rules(schema):
    groups = (schema.rules.files.common, schema.rules.files.deriv)
    found = chain.from_iterable(regexify_filename_rules(group, schema, level=2) for group in groups)
    return [re.compile(rule["regex"]) for rule in found]


def result_of(name, *, frames=3, sha256=IMAGE, model="cine", seed=0):
    phantom = PhantomSettings(
        frames=frames, slices=6, matrix=(72, 72), in_plane_mm=3.0, slice_spacing_mm=14.0
    )
    heart = beating_heart(np.random.default_rng(seed), phantom)
    facts = ModelFacts(name=model, title="", sha256="c" * 64, licence="") if model else None
    provenance = Provenance(
        Software(name="Septum", version="0.1.0"), facts, "model" if model else "given", Settings()
    )
    return measured(Study(heart.cine, sha256), heart.truth, provenance, None, name=name)


def files_below(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["Doe_John", "sub-07_ses-2_run-1_cine", "sub-07"])
def test_every_file_has_a_name_that_bids_allows(name, rules, tmp_path):
    result_of(name).save(tmp_path, ["bids"])
    files = files_below(tmp_path / "bids")
    assert len(files) == 5
    for file in files:
        assert any(rule.fullmatch(file) for rule in rules), file


def test_the_data_set_says_that_it_is_a_derivative(schema, tmp_path):
    result_of("a").save(tmp_path, ["bids"])
    told = json.loads((tmp_path / "bids/dataset_description.json").read_text())
    assert told["DatasetType"] == "derivative"
    assert told["GeneratedBy"] == [{"Name": "Septum", "Version": "0.1.0"}]
    required = {"Name", "BIDSVersion", "GeneratedBy"}
    assert required <= told.keys()
    assert all(key in schema.objects.metadata for key in told)


def test_what_the_sidecar_shares_with_bids_has_bids_types(schema, tmp_path):
    result_of("a").save(tmp_path, ["bids"])
    (path,) = (tmp_path / "bids").rglob("*_dseg.json")
    told = json.loads(path.read_text())
    for key, kind in (("Description", str), ("SpatialReference", str), ("Manual", bool)):
        assert key in schema.objects.metadata
        assert isinstance(told[key], kind)
    assert told["Verdict"] in ("fine", "review", "reject")
    assert told["InputSHA256"] == IMAGE
    assert told["Indices"]["lv_ef_percent"] > 0


def test_a_table_names_every_value(tmp_path):
    result_of("a").save(tmp_path, ["bids"])
    (path,) = (tmp_path / "bids").rglob("*_dseg.tsv")
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines(), delimiter="\t"))
    assert [(row["index"], row["abbreviation"]) for row in rows] == [
        ("0", "BG"), ("1", "RV"), ("2", "MYO"), ("3", "LV"),
    ]  # fmt: skip
    assert all(re.fullmatch("#[0-9a-f]{6}", row["color"]) for row in rows)


@pytest.mark.parametrize("frames", [1, 3])
def test_the_mask_is_the_same_with_time_last(frames, tmp_path):
    result = result_of("a", frames=frames)
    result.save(tmp_path, ["bids"])
    (path,) = (tmp_path / "bids").rglob("*_dseg.nii.gz")
    image = nib.load(path)
    labels = np.asarray(image.dataobj)
    assert np.issubdtype(labels.dtype, np.integer)
    expected = np.transpose(result.labels, (3, 2, 1, 0))
    assert (labels == (expected if frames > 1 else expected[..., 0])).all()
    x, y, z = image.affine[:3] @ [3, 2, 1, 1]
    assert (-x, -y, z) == pytest.approx(tuple(result.geometry.to_patient_mm((1, 2, 3))), abs=1e-3)


def test_a_name_that_is_not_bids_never_gets_in(tmp_path):
    result_of("Doe_John_19510203").save(tmp_path, ["bids"])
    for file in (tmp_path / "bids").rglob("*"):
        assert "Doe" not in file.name
        assert not file.is_file() or b"Doe" not in file.read_bytes()
    assert (tmp_path / "bids/sub-ab12ab12ab12/anat").is_dir()


def test_a_subject_of_bids_keeps_its_label_and_session(tmp_path):
    result_of("sub-07_ses-2_acq-sax_run-1_cine", model=None).save(tmp_path, ["bids"])
    (path,) = (tmp_path / "bids").rglob("*_dseg.nii.gz")
    assert path.relative_to(tmp_path / "bids").as_posix() == (
        "sub-07/ses-2/anat/sub-07_ses-2_acq-sax_run-1_desc-given_dseg.nii.gz"
    )


def test_two_images_of_one_bids_name_are_refused(tmp_path):
    result_of("sub-07_cine").save(tmp_path, ["bids"])
    with pytest.raises(OutputError, match="another image"):
        result_of("sub-07_other", sha256="9" * 64).save(tmp_path, ["bids"])


def test_another_data_set_in_its_place_is_kept(tmp_path):
    (tmp_path / "bids").mkdir()
    (tmp_path / "bids/dataset_description.json").write_text('{"Name": "mine", "BIDSVersion": "1.8.0"}')
    with pytest.raises(NameTakenError):
        result_of("a").save(tmp_path, ["bids"])
    assert "mine" in (tmp_path / "bids/dataset_description.json").read_text()


def test_an_earlier_mask_goes_with_its_folder(tmp_path):
    result_of("a").save(tmp_path, ["bids"])
    result_of("a", sha256="9" * 64).save(tmp_path, ["bids"], overwrite=True)
    assert [path.name for path in (tmp_path / "bids").glob("sub-*")] == ["sub-999999999999"]


def test_a_comparison_takes_the_mask_and_not_its_copy(tmp_path):
    result_of("a").save(tmp_path / "out", ["bids"])
    result_of("a").save(tmp_path / "truth")
    assert evaluate(tmp_path / "out", tmp_path / "truth").unpaired == ()
    (copy,) = (tmp_path / "out").rglob("*_dseg.nii.gz")
    assert is_copy(copy)
