"""What a model card says of data with a published split, and of somebody's own."""

from septum.core import VENTRICLES
from septum.datasets import Dataset, HeldOut
from septum.inference import open_bundle
from septum.reporting.score_table import read_results
from septum.training.card import model_card
from septum.training.recipe import load_recipe
from septum.training.terms import Terms
from support.pages import ROOT
from support.recipes import SHIPPED

RECIPE = load_recipe(SHIPPED / "production" / "cine.toml")
ROWS = read_results(ROOT / "studies" / "production" / "cine" / "test_scores.csv")


def card_of_own(**changes):
    recipe = RECIPE.model_copy(update={"dataset": "nnunet", **changes})
    rows = [row | {"phase": "", "group": ""} for row in ROWS[:12]]  # of two patients
    return model_card(recipe, Terms(Dataset("nnunet", VENTRICLES, {}, (), "", "", "Ours")), "all", rows)


def test_card_of_a_published_split_says_so_and_where_training_started():
    origin = open_bundle("cine").manifest.model_copy(update={"provenance": {"dataset": "acdc"}})
    acdc = Dataset("acdc", VENTRICLES, {}, (), "cited", "terms")
    card = model_card(RECIPE, Terms(acdc, origin), "80 patients (160 volumes)", ROWS)
    assert "80 patients (160 volumes) of ACDC" in card
    assert "On 20 test patients (40 volumes) of this project's published split" in card
    assert "RV of patient050_ES" in card
    assert "bundle `cine`, trained on ACDC without the same test patients." in card
    other = origin.model_copy(update={"provenance": {"dataset": "lasc"}})
    card = model_card(RECIPE, Terms(acdc, other), "all", ROWS)
    assert "trained on LASC. Of a test patient that is in\n  that data, too" in card


def test_card_of_own_data_claims_no_published_split_and_says_how_small_the_test_is():
    card = card_of_own(patient_pattern="(p)")
    assert "On 2 test patients (4 volumes) drawn by the recipe's seed" in card
    assert "- The test is small (2 patients)" in card
    assert "published" not in card
    assert "patient0" not in card
    assert "**Terms**: not stated with the data. Cite: not stated with the data" in card


def test_card_says_who_chose_the_test_and_whether_volumes_passed_for_patients():
    warning = "Each volume was counted as a patient"
    assert warning in card_of_own()
    assert warning not in card_of_own(patient_pattern="(p)")
    assert "named in the recipe" in card_of_own(held_out=HeldOut(patients=("p",)))
