"""What a data set is: its cases, their patients, and how they are labelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from septum.core import LabelSchema, StackKind


@dataclass(frozen=True)
class Case:
    """One labelled image.

    Attributes:
        name: of the case, unique in its data set.
        patient: whose image it is; splits are by this.
        group: pathology group, by which splits are balanced; empty where unknown.
        phase: ``ED``, ``ES``, or empty.
        image, mask: files.
    """

    name: str
    patient: str
    group: str
    phase: str
    image: Path
    mask: Path


@dataclass(frozen=True)
class Dataset:
    """A labelled data set.

    Attributes:
        name: key in ``datasets.REGISTRY``.
        schema: what the masks mean.
        input: what the images are, which is what a model trained on them reads.
        mask_values: voxel value in the files to value in the schema, where they differ.
        cases: sorted by name.
        citation: to be given wherever a number or a model made from it stands; empty where it is not stated.
        terms: of use, which pass on to weights trained on it; empty where they are not stated.
        title: what texts call it; its name in capitals, if empty.
        full_field_mm: the smallest in-plane side of an image as it was published; a copy whose grids have
            shorter diagonals was cropped. ``None`` where that is not known.
        remark: on the cases, to be given wherever a number made from them stands; or empty.
    """

    name: str
    schema: LabelSchema
    mask_values: dict[int, int]
    cases: tuple[Case, ...]
    citation: str
    terms: str
    full_field_mm: float | None = None
    remark: str = ""
    title: str = ""
    input: StackKind = "cine"

    @property
    def called(self) -> str:
        """What texts call it."""
        return self.title or self.name.upper()

    def patients(self) -> dict[str, str]:
        """Patient to pathology group, sorted."""
        return {c.patient: c.group for c in sorted(self.cases, key=lambda c: c.patient)}

    def of(self, patients: set[str]) -> tuple[Case, ...]:
        """The cases of these patients."""
        return tuple(c for c in self.cases if c.patient in patients)
