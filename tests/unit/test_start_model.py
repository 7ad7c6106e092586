"""A trained model against the one that it started from, and images that are known again."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from septum.core import VENTRICLES, Geometry, Volume
from septum.datasets import Case, Dataset
from septum.inference import open_bundle
from septum.training import start_model
from septum.training.seen_images import SEEN_FILE, hash_of, read_seen, write_seen
from septum.training.start_model import StartModel, comparison_table, comparison_text, score_start


def rows(dice, structure="LV"):
    """A row for each patient and phase, from a Dice a patient."""
    return tuple(
        {"patient": f"p{i}", "case": f"p{i}_{phase}", "structure": structure, "dice": str(value + change)}
        for i, value in enumerate(dice)
        for phase, change in (("ED", 0.02), ("ES", -0.02))
    )


def line_of(table, structure):
    (found,) = (line for line in table.splitlines() if line.startswith(f"| {structure} "))
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_means_and_the_paired_difference_by_hand():
    old, new = [0.5, 0.6, 0.7, 0.8, 0.9, 0.4], [0.6, 0.7, 0.8, 0.9, 1.0, 0.5]
    table = comparison_table(StartModel("cine", rows(old), ()), rows(new))
    assert line_of(table, "LV") == ["LV", "6", "0.650", "0.750", "+0.100 [+0.100, +0.100]"]


@pytest.mark.parametrize(("patients", "shown"), [(1, False), (2, False), (5, False), (6, True)])
def test_interval_takes_six_patients(patients, shown):
    values = np.linspace(0.5, 0.9, patients)
    table = comparison_table(StartModel("cine", rows(values), ()), rows(values + 0.01))
    assert ("[" in line_of(table, "LV")[-1]) == shown
    assert ("There is no interval" in table) != shown


def test_structures_of_both_models_are_averaged_by_patient():
    start = StartModel("cine", rows([0.5, 0.7]) + rows([0.9, 0.9], "RV"), ())
    table = comparison_table(start, rows([0.6, 0.8]) + rows([0.9, 0.9], "RV") + rows([0.1, 0.1], "aorta"))
    assert line_of(table, "all")[:4] == ["all", "2", "0.750", "0.800"]
    assert "aorta" not in table


@pytest.mark.parametrize(
    ("seen", "words"), [(None, "does not say"), (("p1",), "1 test patient was in the training of cine")]
)
def test_patients_that_the_start_has_seen_are_warned_of(seen, words):
    assert words in comparison_text(StartModel("cine", rows([0.5, 0.7]), seen), rows([0.6, 0.8]))


def test_start_that_knows_none_of_the_structures_is_not_compared():
    text = comparison_text(StartModel("la", (), ()), rows([0.6]))
    assert "no comparison" in text
    assert "|" not in text


def test_image_is_known_again_in_another_type_and_not_in_another_shape():
    voxels = np.arange(24).reshape(2, 3, 4)
    assert hash_of(voxels.astype(np.int16)) == hash_of(voxels.astype(np.float64))
    assert hash_of(voxels) != hash_of(voxels.reshape(2, 4, 3))
    assert hash_of(voxels) != hash_of(voxels + 1)


def test_bundle_knows_its_images_and_those_of_its_start(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    write_seen(first, ["b", "a"])
    write_seen(second, ["c"], first)
    assert read_seen(second) == {"a", "b", "c"}
    (second / SEEN_FILE).write_text("{}", encoding="utf-8")
    assert read_seen(second) is None
    assert read_seen(tmp_path) is None


def test_bundle_whose_start_does_not_say_what_it_learnt_from_does_not_say_it_either(tmp_path):
    start, bundle = tmp_path / "start", tmp_path / "bundle"
    start.mkdir()
    write_seen(bundle, ["from an earlier training"])
    write_seen(bundle, ["a"], start)
    assert read_seen(bundle) is None
    assert not (bundle / SEEN_FILE).exists()


#: Two volumes of ACDC's training patients are copies of others.
@pytest.mark.parametrize(("model", "copies"), [("cine", 2), ("la", 0)])
def test_shipped_models_say_what_they_learnt_from(model, copies):
    known = read_seen(open_bundle(model).folder)
    assert len(known) == open_bundle(model).manifest.training_images.cases - copies


def test_start_is_scored_in_the_values_of_the_data_and_its_patients_are_known_again(tmp_path, monkeypatch):
    bundle = SimpleNamespace(folder=tmp_path, manifest=SimpleNamespace(name="start", labels=VENTRICLES))
    values = [s.value for s in VENTRICLES.structures]
    turned = VENTRICLES.model_copy(
        update={
            "structures": tuple(
                s.model_copy(update={"value": v})
                for s, v in zip(VENTRICLES.structures, values[::-1], strict=True)
            )
        }
    )
    cases = tuple(Case(f"p{i}_ED", f"p{i}", "", "", Path(), Path()) for i in (1, 2))
    images = {case.name: np.full((1, 2, 2), i, np.float32) for i, case in enumerate(cases)}
    store = SimpleNamespace(
        dataset=Dataset("nnunet", turned, {}, cases, "", ""),
        native=lambda case: SimpleNamespace(volume=Volume(images[case.name], Geometry((1, 2, 2), (9, 1, 1)))),
    )
    (tmp_path / SEEN_FILE).write_text(json.dumps({"images": [hash_of(images["p2_ED"])]}), encoding="utf-8")
    labels = np.array([[values]], np.uint8)
    found = []

    class Model:
        def __init__(self):
            self.bundle = bundle

        def segment_volume(self, _volume):
            return start_model_frame(labels)

    monkeypatch.setattr(start_model, "load_model", lambda _: Model())
    monkeypatch.setattr(
        start_model, "replace", lambda frame, labels: SimpleNamespace(**vars(frame) | {"labels": labels})
    )
    monkeypatch.setattr(
        start_model, "assess", lambda model, *_: found.append(model.segment_volume(None)) or []
    )
    monkeypatch.setattr(start_model, "write_scores", lambda *_: None)
    monkeypatch.setattr(start_model, "read_rows", lambda _: [])
    start = score_start(bundle, store, ["p1", "p2"], tmp_path / "scores.csv")
    assert start.seen == ("p2",)
    assert found[0].labels.tolist() == [[values[::-1]]]


def start_model_frame(labels):
    return SimpleNamespace(labels=labels)
