"""A mask with a JSON of Septum next to it is measured by what that says, and without it by what it shows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from septum.core import LEFT_ATRIUM, VENTRICLES, LabelSchema, Role, Segmentation, Structure, Study
from septum.inference import open_bundle, shipped
from septum.io import read_study
from septum.phantom import PhantomSettings, beating_heart
from septum.workflows.measure import Measuring, measure_file
from septum.workflows.measuring import measured
from septum.workflows.provenance import Provenance
from septum.workflows.record import SOFTWARE, ModelFacts, Settings, read_record
from support.dicom_study import flat, images, stored, write, write_cine

FORMAT_1 = Path(__file__).parents[1] / "support" / "record_format_1.json"
SMALL = PhantomSettings(frames=3, slices=6, matrix=(72, 72), in_plane_mm=3.0, slice_spacing_mm=14.0)
EVIDENCE = ("confidence", "agreement", "soft_dice", "flip_agreement")
#: Structures of a data set that calls them otherwise.
OTHERS = LabelSchema(
    structures=(
        Structure(name="right cavity", value=1, role=Role.RV),
        Structure(name="wall", value=2, role=Role.MYO),
        Structure(name="left cavity", value=3, role=Role.LV),
    )
)


def save(folder, study, labels, schema, model=None):
    """Save a mask with its JSON, as of this model, and return its file."""
    facts = None if model is None else ModelFacts(name=model, title="t", sha256="c" * 64, licence="none")
    provenance = Provenance(SOFTWARE, facts, "given" if model is None else "model", Settings())
    mask = Segmentation(labels, study.cine.geometry, schema)
    return measured(study, mask, provenance, None, name="heart").save(folder).mask


@pytest.fixture
def two_stacks(tmp_path):
    """A DICOM study with a cine of 5 frames, and one stack of late gadolinium enhancement."""
    late = flat(images(stored(1, 6), series=30))
    for one in late:
        one.ScanningSequence, one.InversionTime = ["GR", "IR"], "280"
    write_cine(tmp_path / "study")
    return write(tmp_path / "study", late)


@pytest.mark.parametrize(
    ("schema", "model", "wanted"),
    [
        (LEFT_ATRIUM, "cine", "cine"),
        (VENTRICLES, "la", "late-gadolinium"),
        (LEFT_ATRIUM, "somebody's own", "late-gadolinium"),
        (VENTRICLES, "somebody's own", "cine"),
        (LEFT_ATRIUM, None, "late-gadolinium"),
        (OTHERS, None, "cine"),
    ],
)
def test_a_mask_is_of_the_stack_that_its_model_reads_or_else_by_what_it_shows(
    two_stacks, tmp_path, schema, model, wanted
):
    assert open_bundle("cine").manifest.reads == "cine"
    assert set(shipped()) == {"cine", "la"}
    study = read_study(two_stacks, wanted=wanted)
    labels = np.zeros(study.cine.array.shape, np.uint8)
    labels[:, 2:5, 20:40, 20:40] = schema.values[0]
    mask = save(tmp_path / "out", study, labels, schema, model)
    result, _ = measure_file(mask, Measuring(image=two_stacks))
    assert result.study.sha256 == study.sha256
    assert len(result.study.cine) == {"cine": 5, "late-gadolinium": 1}[wanted]


def test_an_atrium_by_any_name_is_looked_for_in_late_gadolinium(two_stacks, tmp_path):
    atrium = LabelSchema(structures=(Structure(name="atrium", value=1, role=Role.LA),))
    study = read_study(two_stacks, wanted="late-gadolinium")
    labels = np.zeros(study.cine.array.shape, np.uint8)
    labels[:, 2:5, 20:40, 20:40] = 1
    result, _ = measure_file(save(tmp_path, study, labels, atrium), Measuring(image=two_stacks))
    assert result.study.sha256 == study.sha256


def test_roles_that_names_do_not_say_are_written_and_read_again(tmp_path):
    heart = beating_heart(np.random.default_rng(0), SMALL)
    mask = save(tmp_path, Study(heart.cine, "a" * 64), heart.truth.labels, OTHERS)
    document = json.loads((tmp_path / "heart_seg.json").read_text())
    assert document["roles"] == {"right cavity": "RV", "wall": "MYO", "left cavity": "LV"}
    result, _ = measure_file(mask, Measuring())
    assert result.schema.names == OTHERS.names
    assert result.schema.roles == {Role.RV, Role.MYO, Role.LV}
    assert result.indices.value("lv_ef_percent") is not None
    assert result.indices.value("lv_mass_ed_g") is not None


def test_roles_that_names_say_are_not_in_the_file(tmp_path):
    heart = beating_heart(np.random.default_rng(0), SMALL)
    save(tmp_path, Study(heart.cine, "a" * 64), heart.truth.labels, VENTRICLES)
    assert "roles" not in json.loads((tmp_path / "heart_seg.json").read_text())


@pytest.mark.parametrize("gone", [EVIDENCE, *((name,) for name in EVIDENCE)])
def test_a_json_of_format_1_without_evidence_describes_a_mask_without_it(tmp_path, gone):
    document = json.loads(FORMAT_1.read_text(encoding="utf-8"))
    left = {name: value for name, value in document.items() if name not in gone}
    (tmp_path / "a_seg.json").write_text(json.dumps(left))
    record = read_record(tmp_path / "a_seg.json")
    frames = Provenance.from_record(record).frames
    assert len(frames) == record.input.frames == 12
    for name in gone:
        values = [getattr(frame.evidence, name) for frame in frames]
        none = (None, None, None) if name == "soft_dice" else None
        assert values == [none] * 12
    kept = set(EVIDENCE[:2]) - set(gone)
    for name in kept:
        assert [getattr(frame.evidence, name) for frame in frames] == document[name]
