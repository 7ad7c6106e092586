"""What a data set is: what is known of it beforehand, its cases, their patients, and their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.resources.abc import Traversable
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
        frame: of both, from 0, where they have several; ``None`` where they have one.
    """

    name: str
    patient: str
    group: str
    phase: str
    image: Path
    mask: Path
    frame: int | None = None


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


@dataclass(frozen=True)
class PublishedFacts:
    """What is known of a published data set before a file of it is read.

    Attributes:
        splits: folder with ``KEY.json``, the split that this project publishes its numbers on, and with
            ``KEY-cross-validation.json`` where it is cross-validated, too.
        input: what the images are.
        most_slices: of its largest volume.
        cases_per_patient: number of labelled images of each patient.
        caveat: what headings say of this copy of the data, in a few words; or empty.
        note: the same as a sentence, for the notes of tables; or empty.
    """

    splits: Traversable
    input: StackKind
    most_slices: int
    cases_per_patient: int = 1
    caveat: str = ""
    note: str = ""


@dataclass(frozen=True)
class Descriptor:
    """One entry of ``datasets.REGISTRY``: all that the rest of the project asks of a data set by its key.

    Attributes:
        key: by which recipes and studies name it.
        title: what texts call it.
        load: folder to the data set; raises :class:`RecipeError` where it is not there or not whole.
        facts: of a published data set; ``None`` for somebody's own data, whose recipe tells them.
    """

    key: str
    title: str
    load: Callable[[Path], Dataset]
    facts: PublishedFacts | None = None

    @property
    def heading(self) -> str:
        """The title, with the caveat in brackets where there is one."""
        caveat = self.facts.caveat if self.facts else ""
        return f"{self.title} ({caveat})" if caveat else self.title
