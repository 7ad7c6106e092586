"""Left Atrium Segmentation Challenge 2018: late-gadolinium volumes with the left atrial cavity labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import LEFT_ATRIUM, RecipeError
from septum.datasets.descriptor import Case, Dataset, Descriptor, PublishedFacts
from septum.datasets.splits import PUBLISHED_SPLITS

if TYPE_CHECKING:
    from pathlib import Path

CITATION = (
    "Xiong et al., A global benchmark of algorithms for segmenting the left atrium from late "
    "gadolinium-enhanced cardiac magnetic resonance imaging, Medical Image Analysis 67, 2021"
)

TERMS = "research use only, citation mandatory"

#: As published, slices have 576 or 640 voxels of 0.625 mm a side.
FULL_FIELD_MM = 360.0

REMARK = "Which volumes belong to one patient is not published, so each volume counts as a patient."


def lasc(root: Path) -> Dataset:
    """Cases below ``root``/lasc/training or ``root`` itself: folders with ``lgemri`` and ``laendo``.

    Which volumes belong to one patient is not published; each counts as a patient.

    Raises:
        RecipeError: no case is there, or one lacks its mask.
    """
    folder = root / "lasc" / "training"
    folder = folder if folder.is_dir() else root
    images = sorted(folder.glob("*/lgemri.nrrd"))
    if not images:
        raise RecipeError(
            f"{root}: expected LASC's folders with lgemri.nrrd and laendo.nrrd, found none; "
            "give the folder that holds lasc/training, or the training folder itself."
        )
    cases = []
    for image in images:
        mask = image.with_name("laendo.nrrd")
        if not mask.is_file():
            raise RecipeError(f"{mask} is missing beside lgemri.nrrd. Restore it.")
        name = image.parent.name
        cases.append(Case(name, name, "", "", image, mask))
    return Dataset(
        "lasc", LEFT_ATRIUM, {255: 1}, tuple(cases), CITATION, TERMS, FULL_FIELD_MM, REMARK,
        input="late-gadolinium",
    )  # fmt: skip


LASC = Descriptor(
    key="lasc",
    title="LASC",
    load=lasc,
    facts=PublishedFacts(
        PUBLISHED_SPLITS,
        input="late-gadolinium",
        most_slices=88,
        caveat="images cropped around the atrium",
        note="This copy of LASC is cropped around the atrium: finding it there is easier than in the full "
        "field of view, on which the published values stand.",
    ),
)
