"""The documents that go with a bundle: its licence and its model card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.reporting.accuracy import accuracy_text

if TYPE_CHECKING:
    from septum.datasets import Dataset
    from septum.reporting.score_table import Row
    from septum.training.recipe import MultiStageRecipe

LICENCE_FILE = "LICENSE.md"
CARD_FILE = "MODEL_CARD.md"

LICENCE = """# Terms of these weights

The files in this folder were learnt from the data set {dataset}, and the terms of the data hold for them:
**{terms}**. They are not covered by the licence of Septum's code.

Whoever publishes anything made with them cites:

> {citation}

Research software, not a medical device. No warranty of any kind; not for diagnosis or treatment.
"""

CARD = """# Model card: {name}

{title}.

- **Method**: multi-stage; a coarse 3-D DR-UNet with {coarse} filters, its activation map in closed form, a
  region of interest, a fine 3-D DR-UNet with {fine} filters on native slices at {spacing} mm in plane.
- **Trained on**: {patients} patients ({cases} volumes) of {dataset}, which no number below is measured on.
- **Terms**: {terms}. Cite: {citation}

## Accuracy

On {test_patients} test patients ({test_cases} volumes) of this project's published split, never used for
training; this is not the test set of the data's own challenge. Whole pipeline, no truth used, scored on
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
- The most basal and most apical slices are where it errs most, and where experts disagree, too.
- Look at the biases above before you use a volume or an ejection fraction: what is wrong on average is more
  wrong in single patients.
- Each frame is segmented on its own; nothing forces a cine's volumes to change smoothly.
"""


def licence(dataset: Dataset) -> str:
    """Text of the weights' licence."""
    return LICENCE.format(dataset=dataset.name.upper(), terms=dataset.terms, citation=dataset.citation)


def model_card(recipe: MultiStageRecipe, dataset: Dataset, patients: int, cases: int, rows: list[Row]) -> str:
    """Text of the model card from the per-case results."""
    return CARD.format(
        name=recipe.name,
        title=recipe.title[0].upper() + recipe.title[1:],
        coarse=recipe.localiser.network.filters,
        fine=recipe.segmenter.network.filters,
        spacing=recipe.segmenter.preprocessing.in_plane_mm,
        patients=patients,
        cases=cases,
        dataset=dataset.name.upper(),
        terms=dataset.terms,
        citation=dataset.citation,
        test_patients=len({row["patient"] for row in rows}),
        test_cases=len({row["case"] for row in rows}),
        accuracy=accuracy_text(rows),
    )
