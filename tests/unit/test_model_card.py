"""The model card: on what it was measured, from what it was started, and the levels that it is made from."""

from pathlib import Path

import numpy as np
import pytest

from septum.core import LEFT_ATRIUM, VENTRICLES, Geometry, Volume
from septum.datasets import Case, Dataset
from septum.datasets.lasc import FULL_FIELD_MM, REMARK
from septum.inference import open_bundle
from septum.methods.samples import NativeCase
from septum.training.assessment import levels_of
from septum.training.card import CROPPED, OTHER_DATA, SAME_SPLIT, model_card
from septum.training.recipe import Initial
from septum.training.recipe_file import load_recipe
from septum.training.terms import Terms
from support.recipes import SHIPPED

CINE = load_recipe(SHIPPED / "production" / "cine.toml")
ATRIUM = load_recipe(SHIPPED / "production" / "la.toml")
ACDC = Dataset("acdc", VENTRICLES, {}, (), "Bernard et al.", "research only")
LASC = Dataset("lasc", LEFT_ATRIUM, {255: 1}, (), "Xiong et al.", "research only", FULL_FIELD_MM, REMARK)


def rows(structures, phases, diagonal_mm=500.0):
    return [
        {
            "case": f"{patient}_{phase}", "patient": patient, "group": "", "phase": phase, "structure": name,
            "dice": "0.9", "missed": "False", "hausdorff_mm": "4", "asd_mm": "1", "hausdorff_voxels": "3",
            "asd_voxels": "1", "predicted_ml": "90", "true_ml": "100", "diagonal_mm": str(diagonal_mm),
            "diagonal_voxels": "200", "foreground_inside": "1.0", "localisation": "map", "enlarged": "False",
        }
        for patient in ("p1", "p2")
        for phase in phases
        for name in structures
    ]  # fmt: skip


BEATS = rows(("RV", "MYO", "LV"), ("ED", "ES"))


def words(card):
    return " ".join(card.split())


def test_card_says_which_patients_were_measured_and_that_none_of_them_trained():
    card = words(model_card(CINE, Terms(ACDC), "80 patients (160 volumes)", BEATS))
    assert "80 patients (160 volumes) of ACDC, which no number below is measured on" in card
    assert "the same 2 test patients (4 volumes) of ACDC" in card
    assert "**The test patients**: p1, p2." in card
    assert "**Started from**: random weights." in card
    assert "native slices at 1.4 mm in plane" in card
    assert CROPPED not in card


@pytest.mark.parametrize(("recipe", "dataset", "same"), [(CINE, ACDC, True), (ATRIUM, LASC, False)])
def test_card_names_the_bundle_that_training_started_from(recipe, dataset, same):
    started = recipe.model_copy(update={"initial": Initial(bundle="cine", localiser=False)})
    card = model_card(started, Terms(dataset), "64 patients", rows(dataset.schema.names, ("",)))
    bundle = open_bundle("cine")
    known = bundle.sha256[:12]
    assert (
        f"**Started from**: the segmenter of the bundle `cine` (SHA-256 of its `model.json`: {known}" in card
    )
    assert f"trained on {bundle.manifest.provenance['training_volumes']} volumes of ACDC" in card
    assert (SAME_SPLIT in card) == same
    assert (OTHER_DATA in card) != same


@pytest.mark.parametrize(("diagonal_mm", "cropped"), [(190.0, True), (570.0, False)])
def test_card_of_the_atrium_says_where_its_copy_of_the_data_is_cropped(diagonal_mm, cropped):
    card = words(model_card(ATRIUM, Terms(LASC), "64 patients", rows(("LA",), ("",), diagonal_mm)))
    assert card.count(CROPPED) == (2 if cropped else 0)  # beside the figures, and where not to trust it
    assert REMARK in card
    assert "slices every 1.375 mm at 1.5 mm in plane" in card
    for absent in ("ejection", "cine", "basal", "phase"):
        assert absent not in card


def native(labels):
    shape = labels.shape
    volume = Volume(np.zeros(shape, np.float32), Geometry(shape, (10.0, 10.0, 10.0)))
    return NativeCase(Case("a", "a", "", "", Path("a"), Path("a")), volume, labels)


def test_levels_of_a_stack_start_at_its_base_whichever_way_it_is_stored():
    labels = np.zeros((4, 1, 6), np.uint8)
    labels[0, 0, :6], labels[1, 0, :3], labels[2, 0, :1] = 3, 3, 3  # base at slice 0
    found = np.zeros_like(labels)
    found[0, 0, :6], found[1, 0, :1], found[3, 0, :2] = 3, 3, 3
    # basal whole; middle 2 * 1 / (3 + 1); apical missed; two voxels of 1 ml where there is no truth
    expected = {"dice_basal": 1.0, "dice_middle": 0.5, "dice_apical": 0.0, "beyond_ml": 2.0}
    expected |= {"slices_too_many": 1, "slices_missed": 1}
    assert levels_of(found, native(labels), VENTRICLES)[2] == pytest.approx(expected)
    assert levels_of(found[::-1], native(labels[::-1]), VENTRICLES)[2] == pytest.approx(expected)
    nothing = {"dice_basal": None, "dice_middle": None, "dice_apical": None, "beyond_ml": 0.0}
    nothing |= {"slices_too_many": 0, "slices_missed": 0}
    assert levels_of(found, native(labels), VENTRICLES)[0] == nothing


def test_levels_of_another_structure_go_by_the_order_of_the_file():
    labels = np.zeros((3, 1, 4), np.uint8)
    labels[0, 0, :1], labels[1, 0, :2], labels[2, 0, :4] = 1, 1, 1
    found = labels.copy()
    found[2] = 0
    (levels,) = levels_of(found, native(labels), LEFT_ATRIUM)
    by_third = {"dice_first": 1.0, "dice_middle": 1.0, "dice_last": 0.0, "beyond_ml": 0.0}
    assert levels == by_third | {"slices_too_many": 0, "slices_missed": 1}
