"""Measuring robustness: what is kept, what is measured again, and the curves that come of it."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest

from septum.cli.main import main
from septum.core import (
    VENTRICLES,
    Cine,
    Geometry,
    InputError,
    Localisation,
    LocalisationPath,
    OutputError,
    RecipeError,
    Region,
    Segmentation,
)
from septum.core.locks import lock
from septum.datasets import load_split
from septum.inference import FrameResult, ModelOptions
from septum.inference.out_of_distribution import Evidence
from septum.io import read_study, write_image, write_mask
from septum_study import commands
from septum_study.robustness import report as robustness_report
from septum_study.robustness import running as robustness
from septum_study.robustness.curves import load_robustness
from septum_study.robustness.perturbations import NONE, PERTURBATIONS
from septum_study.robustness.results import COLUMNS, read_robustness, write_robustness
from septum_study.robustness.running import Asked, measure
from support.robustness import made_up

GEOMETRY = Geometry((6, 40, 40), (10.0, 3.0, 3.0))
PATIENTS = load_split("acdc").test[:2]


class Tells:
    """A model that reads the labels off the image, and counts what it has seen."""

    def __init__(self, sha256="a" * 64, dataset="acdc"):
        manifest = SimpleNamespace(
            name="toy", labels=VENTRICLES, reads="cine", provenance={"dataset": dataset}, training_images=None
        )
        self.bundle = SimpleNamespace(manifest=manifest, sha256=sha256, folder="toy")
        self.options, self.seen = ModelOptions(), 0

    def segment_volume(self, volume):
        self.seen += 1
        labels = np.asarray(volume.array // 100, dtype=np.uint8)
        whole = Localisation(Region.whole(volume.array.shape), LocalisationPath.MAP)
        return FrameResult(labels, whole, volume.geometry, Evidence(1.0, 1.0), 0.0)


@pytest.fixture
def model(monkeypatch):
    toy = Tells()
    monkeypatch.setattr(commands, "load_model", lambda *_, **__: toy)
    return toy


def write_case(folder, frame, rng):
    labels = np.zeros(GEOMETRY.shape, dtype=np.uint8)
    for z in range(5):
        labels[z, 10 : 30 - 2 * z, 10:20], labels[z, 10:20, 20:28], labels[z, 12:18, 22:26] = 1, 2, 3
    array = 100 * labels.astype(np.int16) + rng.integers(0, 90, labels.shape, dtype=np.int16)
    stem = folder / f"{folder.name}_frame{frame:02d}"
    write_image(stem.with_name(stem.name + ".nii.gz"), Cine(array[None], GEOMETRY))
    study = read_study(stem.with_name(stem.name + ".nii.gz"))
    mask = Segmentation(labels[None], GEOMETRY, VENTRICLES)
    write_mask(stem.with_name(stem.name + "_gt.nii.gz"), mask, study)


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    for patient in PATIENTS:
        folder = tmp_path / "acdc" / "training" / patient
        folder.mkdir(parents=True)
        (folder / "Info.cfg").write_text("ED: 1\nES: 2\nGroup: NOR\n")
        for frame in (1, 2):
            write_case(folder, frame, rng)
    return tmp_path


def asked(data, **changes):
    given = {"patients": 1, "perturbations": ("order",), "made_by": "a test"}
    return Asked(data=data, folder=data / "out", **{**given, **changes})


def test_a_model_that_sees_the_truth_has_a_dice_of_one_at_every_level(model, data):
    path = measure(model, asked(data, perturbations=()))
    rows = read_robustness(path.parent, "toy")
    exact = {"field-of-view", "order", "slice-count", "skipped-slices", "missing-base", "missing-apex", NONE}
    assert {r["perturbation"] for r in rows} == {NONE, *PERTURBATIONS}
    for row in rows:
        if row["perturbation"] in exact and row["localisation"] and row["level"] not in {"8", "14", "20"}:
            assert (row["dice"], row["dice_before"]) in {("1.0", "1.0"), ("", "")}, row
    assert len({(r["case"], r["level"]) for r in rows if r["perturbation"] == "missing-base"}) == 8
    assert any(not r["localisation"] for r in rows if r["perturbation"] == "missing-base"), (
        "five slices less four"
    )


def test_what_is_measured_is_kept_and_the_rest_is_added(model, data):
    measure(model, asked(data))
    once = (data / "out" / "toy.csv").read_bytes()
    assert model.seen == 2 * (1 + 1 + 2), "two phases: the mask before, the image as it is, two orders"
    measure(model, asked(data))
    assert model.seen == 8
    assert (data / "out" / "toy.csv").read_bytes() == once
    measure(model, asked(data, patients=2))
    assert model.seen == 16
    assert (data / "out" / "toy.csv").read_bytes().startswith(once)


def test_an_interrupted_run_leaves_the_file_that_an_unbroken_one_leaves(model, data, monkeypatch):
    measure(model, asked(data, patients=2, perturbations=("order", "scale")))
    unbroken = (data / "out" / "toy.csv").read_bytes()
    (data / "out" / "toy.csv").unlink()
    segment = model.segment_volume

    def stop(volume):
        if model.seen > 20:
            raise KeyboardInterrupt
        return segment(volume)

    model.seen = 0
    with monkeypatch.context() as patch:
        patch.setattr(model, "segment_volume", stop)
        with pytest.raises(KeyboardInterrupt):
            measure(model, asked(data, patients=2, perturbations=("order", "scale")))
    assert 0 < len(read_robustness(data / "out", "toy")) < unbroken.count(b"\n") - 1
    measure(model, asked(data, patients=2, perturbations=("order", "scale")))
    assert (data / "out" / "toy.csv").read_bytes() == unbroken


def test_results_of_another_bundle_of_the_same_name_are_refused(model, data):
    measure(model, asked(data))
    model.options = ModelOptions(flips=True)
    with pytest.raises(RecipeError, match=r"with flips, .* without flips"):
        measure(model, asked(data))
    model.options, model.bundle.sha256 = ModelOptions(), "b" * 64
    with pytest.raises(RecipeError, match=r"expected results of bundle bbbbbbbbbbbb, .* got bundle aaaa"):
        measure(model, asked(data))


def test_a_case_whose_image_has_changed_is_measured_again(model, data):
    measure(model, asked(data))
    write_case(data / "acdc" / "training" / PATIENTS[0], 1, np.random.default_rng(9))
    measure(model, asked(data))
    assert model.seen == 8 + 4


def test_levels_that_are_no_longer_declared_are_measured_again(model, data):
    measure(model, asked(data))
    rows = read_robustness(data / "out", "toy")
    changed = [{**r, "level": "upside down"} if r["level"] == "mirrored" else r for r in rows]
    write_robustness(data / "out", "toy", changed)
    measure(model, asked(data))
    assert read_robustness(data / "out", "toy") == rows


def test_two_processes_do_not_write_one_file(model, data):
    with lock(data / "out" / robustness.LOCKS / "toy.lock"), pytest.raises(OutputError, match="another does"):
        measure(model, asked(data))


def test_results_without_a_record_are_nobodys(model, data):
    measure(model, asked(data))
    (data / "out" / "toy.json").unlink()
    with pytest.raises(InputError, match="remove both files"):
        load_robustness(data / "out", "toy")


@pytest.mark.usefixtures("model")
def test_the_command_measures_and_draws(data, capsys):
    picture = data / "curves.svg"
    asked_for = ["--patients", "1", "--phase", "ED", "--perturbation", "order", "--picture", str(picture)]
    assert main(["study", "robustness", "--data", str(data), "-o", str(data / "out"), *asked_for]) == 0
    told = capsys.readouterr().out
    assert "toy on 1 test patient (1 volume) of ACDC" in told
    assert told.endswith(f"{data / 'out' / 'toy.csv'}\n")
    assert "<svg" in picture.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--perturbation", "fog", "no perturbation 'fog'"), ("--picture", "a.jpg", "ends with .png or .svg")],
)
def test_what_cannot_be_asked_for_is_said(tmp_path, capsys, option, value, said):
    assert main(["study", "robustness", "--data", str(tmp_path), "-o", str(tmp_path), option, value]) == 5
    assert said in capsys.readouterr().err


def test_a_bundle_of_an_unknown_data_set_is_refused(data, model):
    model.bundle.manifest.provenance["dataset"] = "elsewhere"
    with pytest.raises(RecipeError, match="its provenance says 'elsewhere'"):
        measure(model, asked(data))


def test_curves_are_means_over_patients_of_their_means_over_phases(tmp_path):
    made_up(tmp_path)
    found = load_robustness(tmp_path, "toy")
    two, three = found.curves["skipped-slices"]
    assert (found.patients, found.volumes) == (2, 3)
    assert found.unperturbed.dice["LV"].value == pytest.approx((0.8 + 0.6) / 2)
    assert two.dice["LV"].value == pytest.approx((0.8 + 0.4) / 2)
    assert two.before["LV"].value == pytest.approx((0.85 + 0.5) / 2)
    assert two.change.value == pytest.approx((-0.05 - 0.1) / 2)
    assert (two.change.low, two.change.high) == pytest.approx((-0.1, -0.05))
    assert (two.fallbacks, two.warned, two.patients) == (1, 1, 2)
    # Of b there is no such level, and a_ES has nothing to score at it.
    assert (three.patients, three.volumes, three.dice["LV"].value) == (1, 2, pytest.approx(0.5))


def test_the_figure_has_a_panel_for_what_was_measured_and_no_other(tmp_path, monkeypatch):
    made_up(tmp_path)
    drawn = []
    draw = robustness_report.curve_figure
    monkeypatch.setattr(robustness_report, "curve_figure", lambda *a: drawn.append(a) or draw(*a))
    robustness_report.figure(load_robustness(tmp_path, "toy"))
    ((title, _, _, (panel,)),) = drawn
    assert title == "toy on 2 test patients (3 volumes) of ACDC"
    assert (panel.title, panel.levels, panel.joined) == ("Every n-th slice", ("2", "3"), True)
    assert [(round(a.value, 6), round(b.value, 6)) for a, b in panel.curves["LV"]] == [
        (0.6, 0.675),
        (0.5, 0.5),
    ]


def test_the_table_names_the_level_that_costs_most(tmp_path):
    made_up(tmp_path)
    told = robustness_report.worst_levels(load_robustness(tmp_path, "toy")).markdown()
    assert "| Image as it is |  | 2 | 3 | 0.700 | - | 1.0000 | 0 | 0 |" in told
    assert "| Every n-th slice | 2 | 2 | 3 | 0.600 | -0.075 [-0.100, -0.050] | 1.0000 | 1 | 1 |" in told


def test_results_of_another_bundle_are_not_shown_as_those_of_the_shipped_one(tmp_path):
    from septum.inference import open_bundle

    made_up(tmp_path, "cine", "f" * 64)
    assert robustness_report.current(tmp_path, "cine") is None
    assert robustness_report.block(None, "curves.svg") == "Not measured yet.\n"
    made_up(tmp_path, "cine", open_bundle("cine").sha256)
    found = robustness_report.current(tmp_path, "cine")
    assert robustness_report.block(found, "curves.svg").startswith("![cine on 2 test patients")


def test_a_file_with_other_columns_is_refused(tmp_path):
    made_up(tmp_path)
    with (tmp_path / "toy.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([COLUMNS[:-1], ["x"] * (len(COLUMNS) - 1)])
    with pytest.raises(InputError, match="expected the columns case"):
        load_robustness(tmp_path, "toy")
