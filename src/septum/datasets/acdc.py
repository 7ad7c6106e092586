"""ACDC: 100 patients, short-axis cine, end-diastole and end-systole labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import VENTRICLES, RecipeError
from septum.datasets.descriptor import Case, Dataset, Descriptor, PublishedFacts
from septum.datasets.splits import PUBLISHED_SPLITS

if TYPE_CHECKING:
    from pathlib import Path

CITATION = (
    "Bernard et al., Deep Learning Techniques for Automatic MRI Cardiac Multi-structures Segmentation and "
    "Diagnosis: Is the Problem Solved?, IEEE TMI 37(11), 2018, doi 10.1109/TMI.2018.2837502"
)

TERMS = "free for research, non-commercial use only, citation mandatory"


def acdc(root: Path) -> Dataset:
    """Cases below ``root``/acdc/training or ``root`` itself, as the challenge lays them out.

    Raises:
        RecipeError: no patient is there, or one is incomplete.
    """
    folder = root / "acdc" / "training"
    folder = folder if folder.is_dir() else root
    infos = sorted(folder.glob("patient*/Info.cfg"))
    if not infos:
        raise RecipeError(
            f"{root}: expected ACDC's folders patientNNN with Info.cfg, found none; "
            "give the folder that holds acdc/training, or the training folder itself."
        )
    cases = [case for info in infos for case in _cases_of(info)]
    return Dataset("acdc", VENTRICLES, {}, tuple(sorted(cases, key=lambda c: c.name)), CITATION, TERMS)


def read_info(path: Path) -> dict[str, str]:
    """The ``key: value`` lines of an ``Info.cfg``."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in lines) if k.strip()}


def _cases_of(info_file: Path) -> list[Case]:
    info, patient = read_info(info_file), info_file.parent.name
    cases = []
    for phase in ("ED", "ES"):
        if not info.get(phase, "").isdigit():
            raise RecipeError(f"{info_file}: expected a line '{phase}: frame number', found none.")
        stem = info_file.parent / f"{patient}_frame{int(info[phase]):02d}"
        image, mask = (stem.with_name(stem.name + end) for end in (".nii.gz", "_gt.nii.gz"))
        for file in (image, mask):
            if not file.is_file():
                raise RecipeError(f"{file} is missing; Info.cfg names its frame as {phase}. Restore it.")
        cases.append(Case(f"{patient}_{phase}", patient, info.get("Group", ""), phase, image, mask))
    return cases


ACDC = Descriptor(
    key="acdc",
    title="ACDC",
    load=acdc,
    facts=PublishedFacts(PUBLISHED_SPLITS, input="cine", most_slices=18, cases_per_patient=2),
)
