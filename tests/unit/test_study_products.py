"""Masks and pictures of trained units: only of the networks that were scored, and of the data there is."""

import logging
import shutil
from dataclasses import asdict, dataclass, field, replace
from types import SimpleNamespace

import numpy as np
import pytest

from septum.core import PartReport, RecipeError
from septum.training.loop import Interrupted
from septum.training.parts import PartBusyError
from septum_study import products
from septum_study.bench import Bench
from septum_study.ledger import Entry, Unit, publish
from septum_study.miniature import data_below
from septum_study.plan import today_of
from septum_study.products import NotTrainedHereError, draw_case, write_masks
from support.study_plan import CPU, entry_of, study_of
from support.study_results import result

ROWS = ("acdc-unet3d", "acdc-vnet", "lasc-unet3d", "lasc-yang-full", "lasc-vnet")
UNIT = Unit("acdc-unet3d", 0)
TRAINED = {
    "segmenter": PartReport(
        name="segmenter", epochs=5, best_epoch=5, validation=0.9, seconds=1.0, stopped="epochs", parameters=10
    )
}


@dataclass
class Kept(Bench):
    """A study whose units give back the truth; what they were trained to, or what goes wrong, is as told."""

    outcomes: dict[str, dict | Exception] = field(default_factory=dict)

    def train(self, unit, deadline):
        assert deadline is products.NOW, "nothing is trained"
        outcome = self.outcomes.get(unit.row, TRAINED)
        if isinstance(outcome, Exception):
            raise outcome
        pipeline = SimpleNamespace(predict=lambda native: SimpleNamespace(labels=native.labels))
        return pipeline, SimpleNamespace(reports=outcome)

    def enter(self, row, **changes):
        entry = entry_of(row, {"segmenter": (5, "epochs")})
        today = asdict(today_of(self.study, row))
        known = {key: today[key] for key in set(today) & set(Entry.model_fields)}
        publish(
            self.results, entry.model_copy(update=known | changes), [result(row, 0, "p", "ED", "LV", 0.9)]
        )


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    return data_below(tmp_path_factory.mktemp("data"), patients=4)


@pytest.fixture
def bench(phantoms, tmp_path):
    shutil.copytree(phantoms, tmp_path / "data")
    study = study_of(*ROWS, split={"test": 2, "folds": 2, "seed": 0})
    made = Kept(study, tmp_path / "data", tmp_path / "results", tmp_path / "work", CPU)
    for row in ROWS:
        made.enter(row)
    return made


@pytest.fixture
def drawn(monkeypatch):
    """Labels by method, in the last picture."""
    found = {}

    def overlay(_volume, _truth, predictions, _schema):
        found.clear()
        found.update(predictions)

    monkeypatch.setattr(products, "overlay_comparison", overlay)
    monkeypatch.setattr(products, "mesh_comparison", lambda *_: None)
    monkeypatch.setattr(products, "save_picture", lambda _drawing, _path: None)
    return found


def a_test_case(bench, dataset):
    store = bench.store(dataset)
    return next(c for c in store.dataset.cases if c.patient in bench.split(dataset, 0).test)


def retrained(**changes):
    return {"segmenter": replace(TRAINED["segmenter"], **changes)}


NOT_SCORED = "are not those that were scored: they have been trained further, or anew"


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (retrained(epochs=6), NOT_SCORED),
        (retrained(best_epoch=4), NOT_SCORED),
        (TRAINED | {"localiser/final": TRAINED["segmenter"]}, NOT_SCORED),
        ({}, NOT_SCORED),
        (Interrupted(), "are not in .*work; give the --work folder"),
        (PartBusyError("it is being trained by another process."), "now: it is being trained by another"),
    ],
    ids=["trained further", "another epoch", "more networks", "no network", "not trained", "in training"],
)
def test_networks_that_were_not_scored_are_not_taken_for_those_that_were(
    bench, drawn, tmp_path, caplog, outcome, said
):
    bench.outcomes[UNIT.row] = outcome
    with pytest.raises(NotTrainedHereError, match=said):
        write_masks(bench, UNIT, tmp_path / "masks")
    assert not (tmp_path / "masks").exists()
    name = a_test_case(bench, "acdc").name
    with pytest.raises(NotTrainedHereError, match=said):
        draw_case(bench, name, 0, [UNIT.row], tmp_path)
    with caplog.at_level(logging.WARNING):
        draw_case(bench, name, 0, [], tmp_path)
    assert list(drawn) == ["Acdc-Vnet"], "the others are drawn"
    assert [str(UNIT) in record.getMessage() for record in caplog.records] == [True], "and it is told of"


def test_masks_are_those_of_the_networks_that_were_scored(bench, tmp_path):
    paths = write_masks(bench, UNIT, tmp_path)
    test = bench.split("acdc", 0).test
    assert {path.name for path in paths} == {
        f"{p}_{phase}_seg.nii.gz" for p in test for phase in ("ED", "ES")
    }


def test_a_unit_of_another_recipe_is_not_drawn(bench, drawn, tmp_path):
    bench.enter(UNIT.row, recipe_sha256="of an older recipe")
    with pytest.raises(NotTrainedHereError, match=r"has changed since it was scored; run that unit again"):
        write_masks(bench, UNIT, tmp_path)
    draw_case(bench, a_test_case(bench, "acdc").name, 0, [], tmp_path)
    assert list(drawn) == ["Acdc-Vnet"]


def test_a_unit_that_was_never_run_is_left_out_without_a_word_unless_it_is_asked_for(
    bench, drawn, tmp_path, caplog
):
    shutil.rmtree(bench.results / UNIT.row)
    name = a_test_case(bench, "acdc").name
    draw_case(bench, name, 0, [], tmp_path)
    assert list(drawn) == ["Acdc-Vnet"]
    assert not caplog.records
    with pytest.raises(NotTrainedHereError, match="has not been run"):
        draw_case(bench, name, 0, [UNIT.row], tmp_path)
    with pytest.raises(NotTrainedHereError, match="no row is trained on fold 1"):
        draw_case(bench, name, 1, [], tmp_path)


def test_what_is_wrong_with_data_or_recipe_is_told_and_no_row_left_out_for_it(bench, drawn, tmp_path):
    bench.outcomes[UNIT.row] = RecipeError("acdc: the data folder lacks patient003; restore it.")
    with pytest.raises(RecipeError, match="lacks patient003"):
        draw_case(bench, a_test_case(bench, "acdc").name, 0, [], tmp_path)
    assert not drawn


def test_a_case_is_drawn_without_the_other_data_set(bench, drawn, tmp_path, caplog):
    names = {dataset: a_test_case(bench, dataset).name for dataset in ("acdc", "lasc")}
    fresh = replace(bench, _stores={})
    (bench.data / "acdc").rename(tmp_path / "acdc")
    draw_case(fresh, names["lasc"], 0, [], tmp_path)
    assert list(drawn) == ["Lasc-Unet3D", "Lasc-Vnet"], "one that starts from the other is left out"
    assert "lasc-yang-full:0" in caplog.text
    assert "needs data set acdc" in caplog.text
    with pytest.raises(NotTrainedHereError, match="needs data set acdc"):
        draw_case(fresh, names["lasc"], 0, ["lasc-yang-full"], tmp_path)
    with pytest.raises(
        RecipeError, match=r"no test case 'x': expected one such as volume.* \(acdc not found"
    ):
        draw_case(fresh, "x", 0, [], tmp_path)
    (tmp_path / "acdc").rename(bench.data / "acdc")
    shutil.rmtree(bench.data / "lasc")
    draw_case(replace(bench, _stores={}), names["acdc"], 0, [], tmp_path)
    assert list(drawn) == ["Acdc-Unet3D", "Acdc-Vnet"]
    np.testing.assert_array_equal(drawn["Acdc-Vnet"], drawn["Acdc-Unet3D"])


def test_a_data_set_that_is_there_and_broken_is_told(bench, tmp_path):
    name = a_test_case(bench, "lasc").name
    next((bench.data / "acdc" / "training").rglob("*_gt.nii.gz")).unlink()
    with pytest.raises(RecipeError, match=r"_gt\.nii\.gz is missing"):
        draw_case(replace(bench, _stores={}), name, 0, [], tmp_path)
