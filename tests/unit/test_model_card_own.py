"""What a model card says of somebody's own data."""

from septum.core import VENTRICLES
from septum.datasets import Dataset, HeldOut
from septum.metrics.scores_file import read_rows
from septum.training.card import model_card
from septum.training.recipe_file import load_recipe
from septum.training.terms import Terms
from support.pages import ROOT
from support.recipes import SHIPPED

RECIPE = load_recipe(SHIPPED / "production" / "cine.toml")
ROWS = read_rows(ROOT / "studies" / "production" / "cine" / "test_scores.csv")


def card_of_own(**changes):
    recipe = RECIPE.model_copy(update={"dataset": "nnunet", **changes})
    rows = [row | {"phase": "", "group": ""} for row in ROWS[:12]]  # of two patients
    return model_card(recipe, Terms(Dataset("nnunet", VENTRICLES, {}, (), "", "", title="Ours")), "all", rows)


def test_card_of_own_data_claims_no_published_split_and_says_how_small_the_test_is():
    card = card_of_own(patient_pattern="(p)")
    assert "on 2 test patients (4 volumes) drawn by the recipe's seed" in card
    assert "- The test is small (2 patients)" in card
    assert "published" not in card
    assert "patient0" not in card
    assert "**Terms**: not stated with the data. Cite: not stated with the data" in card


def test_card_says_who_chose_the_test_and_whether_volumes_passed_for_patients():
    warning = "Each volume was counted as a patient"
    assert warning in card_of_own()
    assert warning not in card_of_own(patient_pattern="(p)")
    assert "named in the recipe" in card_of_own(held_out=HeldOut(patients=("p",)))
