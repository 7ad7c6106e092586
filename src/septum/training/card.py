"""The model card that goes with a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.datasets import REGISTRY, published_keys
from septum.inference.bundle import open_bundle
from septum.metrics.accuracy import accuracy_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from septum.datasets import Dataset
    from septum.metrics.scores_file import Row
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
- **Started from**: {start}
- **Terms**: {terms}. Cite: {citation}

## Accuracy

{tested}{remarks} Whole pipeline, no truth used, scored on the native grid. A missed structure counts as
Dice 0, is left out of distances and stands in the column *missed*; where there is one, a line *penalised* has
the volume's diagonal as its distance. *n* is the denominator.

<!-- accuracy: begin; made from per-case results -->
{accuracy}
<!-- accuracy: end -->
{comparison}
**The test patients**: {names}.

## Where not to trust it

{limits}
"""
PUBLISHED_TEST = """Every number below is measured on the same {tested} of {dataset}, those of this project's
published split, never used for training; this is not the test set of the data's own challenge."""
OWN_TEST = """Every number below is measured on {tested} {chosen}, never used for training."""
OWN_NAMES = "listed with the run; cases are numbered in the order of its table of scores"
SAME_SPLIT = " The same test patients were left out there."
OTHER_DATA = " Of a test patient that is in that data, too, the numbers are no result on an unseen case."

CROPPED = (
    "The figures are from a copy of the data that is cropped in plane around the heart, so that localisation "
    "is hardly tested: the region of interest is mostly the whole image there, and in a full field of view "
    "the model may find something else."
)


def model_card(
    recipe: MultiStageRecipe, terms: Terms, trained: str, rows: list[Row], comparison: str = ""
) -> str:
    """Text of the model card from the per-case results.

    Args:
        recipe: that was trained.
        terms: of the data, and where training started.
        trained: how many patients and volumes it learnt from, in words.
        rows: results on the test patients.
        comparison: with the bundle that the training started from; Markdown, empty without one.

    Raises:
        BundleError: the bundle that the training started from is gone.
    """
    dataset, own = terms.dataset, recipe.dataset not in published_keys()
    chosen = "named in the recipe" if recipe.held_out.patients else "drawn by the recipe's seed"
    patients = list(dict.fromkeys(row["patient"] for row in rows))
    tested = counted(len(patients), len({row["case"] for row in rows}), "test patient")
    cropped = is_cropped(dataset, rows)
    remarks = [dataset.remark, f"**{CROPPED}**" if cropped else ""]
    return CARD.format(
        name=recipe.name,
        title=recipe.title[:1].upper() + recipe.title[1:],
        coarse=recipe.localiser.network.filters,
        fine=recipe.segmenter.network.filters,
        grid=_grid(recipe),
        trained=trained,
        dataset=dataset.called,
        start=_start(recipe),
        terms=terms.line,
        citation="; ".join(terms.citations) or "not stated with the data",
        tested=(OWN_TEST if own else PUBLISHED_TEST).format(
            tested=tested, chosen=chosen, dataset=dataset.called
        ),
        remarks="".join(f" {remark}" for remark in remarks if remark),
        accuracy=accuracy_text(_numbered(rows) if own else rows),
        comparison=f"\n{comparison}\n" if comparison else "",
        names=OWN_NAMES if own else ", ".join(patients),
        limits="\n".join(f"- {limit}" for limit in _limits(recipe, rows, len(patients), cropped=cropped)),
    )


def counted(patients: int, volumes: int, patient: str = "patient") -> str:
    """So many patients with so many volumes, in words."""
    return f"{plural(patients, patient)} ({plural(volumes, 'volume')})"


def plural(number: int, noun: str) -> str:
    """A number and what it counts."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def is_cropped(dataset: Dataset, rows: list[Row]) -> bool:
    """Whether any case of these results has a grid too small to be an image as it was published."""
    full = dataset.full_field_mm
    return full is not None and any(float(row["diagonal_mm"]) < full for row in rows)


def _grid(recipe: MultiStageRecipe) -> str:
    """On what the fine network works, in words."""
    settings = recipe.segmenter.preprocessing
    slices = "native slices" if settings.slice_mm is None else f"slices every {settings.slice_mm:g} mm"
    spacing = "native spacing" if settings.in_plane_mm is None else f"{settings.in_plane_mm:g} mm"
    return f"{slices} at {spacing} in plane"


def _start(recipe: MultiStageRecipe) -> str:
    """What the weights were before training, in words."""
    initial = recipe.initial
    if initial is None or not initial.used:
        return "random weights."
    bundle = open_bundle(initial.bundle)
    which = " and ".join(stage for stage in ("localiser", "segmenter") if getattr(initial, stage))
    made = bundle.manifest.provenance
    volumes = made.get("training_volumes", "an unknown number of")
    dataset = str(made.get("dataset_title") or made.get("dataset", "data that it does not name"))
    published = dataset in published_keys()
    return (
        f"the {which} of the bundle `{bundle.manifest.name}` (SHA-256 of its `model.json`: "
        f"{bundle.sha256[:12]}), itself trained on {volumes} volumes of "
        f"{REGISTRY[dataset].title if published else dataset}."
    ) + (SAME_SPLIT if published and dataset == recipe.dataset else OTHER_DATA)


def _limits(recipe: MultiStageRecipe, rows: list[Row], patients: int, *, cropped: bool) -> Iterator[str]:
    """What the card warns of."""
    own, beats = recipe.dataset not in published_keys(), any(row["phase"] for row in rows)
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
    if own:
        yield "The masks that came with the data are taken for the truth here, whoever drew them."
    if own and recipe.patient_pattern is None:
        yield ("Each volume was counted as a patient: if several are of one person, the scores are too good.")
    if own and patients < FEW:
        yield (
            f"The test is small ({plural(patients, 'patient')}): it shows gross failure, and hardly how the "
            "next patient will fare."
        )
    used = "a volume or an ejection fraction" if beats else "a volume"
    yield (
        f"Look at the biases above before you use {used}: what is wrong on average is more wrong in single "
        "patients."
    )
    if beats:
        yield (
            "Frames are made consistent in time from 20 frames on; of a shorter cine each is segmented on "
            "its own, and nothing forces its volumes to change smoothly."
        )


def _numbered(rows: list[Row]) -> list[Row]:
    """The rows with numbers in place of cases' names, which may be those of people."""
    numbers = {
        name: f"case {i}" for i, name in enumerate(dict.fromkeys(row["case"] for row in rows), start=1)
    }
    return [row | {"case": numbers[row["case"]]} for row in rows]
