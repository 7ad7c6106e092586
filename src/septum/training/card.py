"""The model card that goes with a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.datasets import PUBLISHED
from septum.reporting.accuracy import accuracy_text

if TYPE_CHECKING:
    from septum.reporting.score_table import Row
    from septum.training.recipe import MultiStageRecipe
    from septum.training.terms import Terms

CARD_FILE = "MODEL_CARD.md"
#: Fewer test patients than these, and the card says what that means.
FEW = 10

CARD = """# Model card: {name}

{title}.

- **Method**: multi-stage; a coarse 3-D DR-UNet with {coarse} filters, its activation map in closed form, a
  region of interest, a fine 3-D DR-UNet with {fine} filters on {grid}.
- **Trained on**: {trained} of {dataset}, which no number below is measured on.
{origin}- **Terms**: {terms}. Cite: {citation}

## Accuracy

{tested} Whole pipeline, no truth used, scored on
the native grid. Mean ± standard deviation; *n* is the denominator. A missed structure counts as Dice 0,
is left out of distances and stands in the last column; where there is one, a line *penalised* has the
volume's diagonal as its distance.

<!-- accuracy: begin; made from per-case results -->
{accuracy}
<!-- accuracy: end -->

## Where not to trust it

- Research use only. Not a medical device; not for diagnosis or treatment.
- It has seen the scanners, the sequence and the patients of one data set. Anything else is outside what was
  measured.
{distrust}
- Look at the biases above before you use a volume or an ejection fraction: what is wrong on average is more
  wrong in single patients.
- Each frame is segmented on its own; nothing forces a cine's volumes to change smoothly.
"""
ORIGIN = """- **Started from**: the weights of the bundle `{name}`, trained on {dataset}{unseen}.
"""
SAME_SPLIT = " without the same test patients"
OTHER_DATA = """. Of a test patient that is in
  that data, too, the numbers below are no result on an unseen case"""
PUBLISHED_TEST = """On {tested} of this project's published split, never used for
training; this is not the test set of the data's own challenge."""
OWN_TEST = """On {tested} {chosen} and listed with the run, never used for
training. Cases are numbered in the order of the run's table of scores."""
EACH_A_PATIENT = """- Each volume was counted as a patient: if several are of one person, the scores are
  too good."""
ENDS = """- The most basal and most apical slices are where it errs most, and where experts disagree, too."""
OWN_TRUTH = """- The masks that came with the data are taken for the truth here, whoever drew them."""
FEW_TESTED = (
    """- The test is small ({patients}): it shows gross failure, and hardly how the next patient will fare."""
)


def model_card(recipe: MultiStageRecipe, terms: Terms, trained: str, rows: list[Row]) -> str:
    """Text of the model card from the per-case results.

    Args:
        recipe: that was trained.
        terms: of the data, and where training started.
        trained: how many patients and volumes it learnt from, in words.
        rows: results on the test patients.
    """
    dataset, own = terms.dataset, recipe.dataset not in PUBLISHED
    chosen = "named in the recipe" if recipe.held_out.patients else "drawn by the recipe's seed"
    patients = len({row["patient"] for row in rows})
    tested = counted(patients, len({row["case"] for row in rows}), "test patient")
    distrust = [OWN_TRUTH] if own else [ENDS]
    if own and recipe.patient_pattern is None:
        distrust.append(EACH_A_PATIENT)
    if own and patients < FEW:
        distrust.append(FEW_TESTED.format(patients=plural(patients, "patient")))
    return CARD.format(
        name=recipe.name,
        title=recipe.title[:1].upper() + recipe.title[1:],
        coarse=recipe.localiser.network.filters,
        fine=recipe.segmenter.network.filters,
        grid=_grid(recipe),
        trained=trained,
        dataset=dataset.called,
        origin=_origin(terms),
        terms=terms.line,
        citation="; ".join(terms.citations) or "not stated with the data",
        tested=(OWN_TEST if own else PUBLISHED_TEST).format(tested=tested, chosen=chosen),
        accuracy=accuracy_text(_numbered(rows) if own else rows),
        distrust="\n".join(distrust),
    )


def counted(patients: int, volumes: int, patient: str = "patient") -> str:
    """So many patients with so many volumes, in words."""
    return f"{plural(patients, patient)} ({plural(volumes, 'volume')})"


def plural(number: int, noun: str) -> str:
    """A number and what it counts."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _grid(recipe: MultiStageRecipe) -> str:
    settings = recipe.segmenter.preprocessing
    slices = "native slices" if settings.slice_mm is None else f"slices every {settings.slice_mm:g} mm"
    spacing = "native spacing" if settings.in_plane_mm is None else f"{settings.in_plane_mm:g} mm"
    return f"{slices} at {spacing} in plane"


def _origin(terms: Terms) -> str:
    if terms.origin is None:
        return ""
    dataset = str(terms.origin.provenance.get("dataset", "data that it does not name"))
    return ORIGIN.format(
        name=terms.origin.name,
        dataset=dataset.upper() if dataset in PUBLISHED else dataset,
        unseen=SAME_SPLIT if dataset == terms.dataset.name else OTHER_DATA,
    )


def _numbered(rows: list[Row]) -> list[Row]:
    """The rows with numbers in place of cases' names, which may be those of people."""
    numbers = {
        name: f"case {i}" for i, name in enumerate(dict.fromkeys(row["case"] for row in rows), start=1)
    }
    return [row | {"case": numbers[row["case"]]} for row in rows]
