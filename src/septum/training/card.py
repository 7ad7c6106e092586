"""The documents that go with a bundle: its licence and its model card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.inference.bundle import open_bundle
from septum.reporting.accuracy import accuracy_text

if TYPE_CHECKING:
    from collections.abc import Iterator

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
  region of interest, a fine 3-D DR-UNet with {fine} filters on {grid}.
- **Trained on**: {patients} patients ({cases} volumes) of {dataset}, which no number below is measured on.
- **Started from**: {start}
- **Terms**: {terms}. Cite: {citation}

## Accuracy

Every number below is measured on the same {test_patients} test patients ({test_cases} volumes) of {dataset},
those of this project's published split, never used for training; this is not the test set of the data's own
challenge.{remarks} Whole pipeline, no truth used, scored on the native grid. A missed structure counts as
Dice 0, is left out of distances and stands in the column *missed*; where there is one, a line *penalised* has
the volume's diagonal as its distance. *n* is the denominator.

<!-- accuracy: begin; made from per-case results -->
{accuracy}
<!-- accuracy: end -->

**The test patients**: {names}.

## Where not to trust it

{limits}
"""

SAME_DATA = "Had it seen a test patient below, that would be no result on an unseen case."

CROPPED = (
    "The figures are from a copy of the data that is cropped in plane around the heart, so that localisation "
    "is weakly tested: in a full field of view it may find something else."
)


def licence(dataset: Dataset) -> str:
    """Text of the weights' licence."""
    return LICENCE.format(dataset=dataset.name.upper(), terms=dataset.terms, citation=dataset.citation)


def model_card(recipe: MultiStageRecipe, dataset: Dataset, patients: int, cases: int, rows: list[Row]) -> str:
    """Text of the model card from the per-case results.

    Args:
        recipe: that the bundle was trained by.
        dataset: that it was trained and measured on.
        patients: number that it was trained on.
        cases: number of their volumes.
        rows: per-case results.

    Raises:
        BundleError: the bundle that the training started from is gone.
    """
    names = list(dict.fromkeys(row["patient"] for row in rows))
    cropped = is_cropped(dataset, rows)
    remarks = [dataset.remark, f"**{CROPPED}**" if cropped else ""]
    return CARD.format(
        name=recipe.name,
        title=recipe.title[0].upper() + recipe.title[1:],
        coarse=recipe.localiser.network.filters,
        fine=recipe.segmenter.network.filters,
        grid=_grid(recipe),
        patients=patients,
        cases=cases,
        dataset=dataset.name.upper(),
        start=_start(recipe),
        terms=dataset.terms,
        citation=dataset.citation,
        test_patients=len(names),
        test_cases=len({row["case"] for row in rows}),
        remarks="".join(f" {remark}" for remark in remarks if remark),
        accuracy=accuracy_text(rows),
        names=", ".join(names),
        limits="\n".join(f"- {limit}" for limit in _limits(rows, cropped=cropped)),
    )


def is_cropped(dataset: Dataset, rows: list[Row]) -> bool:
    """Whether any case of these results has a grid too small to be an image as it was published."""
    full = dataset.full_field_mm
    return full is not None and any(float(row["diagonal_mm"]) < full for row in rows)


def _grid(recipe: MultiStageRecipe) -> str:
    """On what the fine network works, in words."""
    settings = recipe.segmenter.preprocessing
    if settings.slice_mm is None:
        return f"native slices at {settings.in_plane_mm} mm in plane"
    return f"a grid of {settings.in_plane_mm} mm in plane and {settings.slice_mm} mm between slices"


def _start(recipe: MultiStageRecipe) -> str:
    """What the weights were before training, in words."""
    initial = recipe.initial
    if initial is None or not (initial.localiser or initial.segmenter):
        return "random weights."
    bundle = open_bundle(initial.bundle)
    which = " and ".join(stage for stage in ("localiser", "segmenter") if getattr(initial, stage))
    made = bundle.manifest.provenance
    volumes, dataset = (
        made.get("training_volumes", "an unknown number of"),
        str(made.get("dataset", "unknown")),
    )
    return (
        f"the {which} of the bundle `{bundle.manifest.name}` (SHA-256 of its `model.json`: "
        f"{bundle.sha256[:12]}), itself trained on {volumes} volumes of {dataset.upper()}."
        + (f" {SAME_DATA}" if dataset == recipe.dataset else "")
    )


def _limits(rows: list[Row], *, cropped: bool) -> Iterator[str]:
    """What the card warns of."""
    beats = any(row["phase"] for row in rows)
    yield "Research use only. Not a medical device; not for diagnosis or treatment."
    yield (
        "It has seen the scanners, the sequence and the patients of one data set. Anything else is outside "
        "what was measured."
    )
    if cropped:
        yield CROPPED
    if beats:
        yield (
            "The ends of the heart, above all its first basal and last apical slice, are where it errs most, "
            "and where experts disagree, too."
        )
    used = "a volume or an ejection fraction" if beats else "a volume"
    yield (
        f"Look at the biases above before you use {used}: what is wrong on average is more wrong in single "
        "patients."
    )
    if beats:
        yield "Each frame is segmented on its own; nothing forces a cine's volumes to change smoothly."
