"""Means over cases, each with its denominator; a missed structure is never averaged away."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from septum.core import Score

#: Name of the summary over all structures.
OVERALL = "all"


@dataclass(frozen=True)
class Mean:
    """A mean that knows how many values it stands for.

    Attributes:
        mean: arithmetic mean; ``None`` without values.
        sd: sample standard deviation (divisor n - 1); ``None`` with fewer than two values.
        n: number of values.
    """

    mean: float | None
    sd: float | None
    n: int

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Mean:
        """Take the mean of all values that are not ``None``.

        >>> Mean.of([1.0, None, 3.0, 5.0])
        Mean(mean=3.0, sd=2.0, n=3)
        """
        defined = [value for value in values if value is not None]
        return cls(
            mean=statistics.fmean(defined) if defined else None,
            sd=statistics.stdev(defined) if len(defined) > 1 else None,
            n=len(defined),
        )


@dataclass(frozen=True)
class Summary:
    """Scores of several cases in one line.

    Attributes:
        structure: name of the structure, or ``all``.
        dice: over all scored entries; a missed structure counts with 0.
        hausdorff_mm, asd_mm, hausdorff_voxels, asd_voxels: over the entries whose distance exists.
        penalised_hausdorff_mm, penalised_asd_mm, penalised_hausdorff_voxels, penalised_asd_voxels: over
            all scored entries, with the volume's diagonal as the distance of a missed structure.
        missed: entries in which one mask is empty and the other is not.
        not_scored: entries in which both masks are empty.
    """

    structure: str
    dice: Mean
    hausdorff_mm: Mean
    asd_mm: Mean
    hausdorff_voxels: Mean
    asd_voxels: Mean
    penalised_hausdorff_mm: Mean
    penalised_asd_mm: Mean
    penalised_hausdorff_voxels: Mean
    penalised_asd_voxels: Mean
    missed: int
    not_scored: int


def summarise(scores: Sequence[Score], structure: str = OVERALL) -> Summary:
    """Summarise all given scores as one group.

    Args:
        scores: of any number of cases; none is allowed and gives empty means.
        structure: what to call the group.
    """
    return Summary(
        structure=structure,
        dice=Mean.of(s.dice for s in scores),
        hausdorff_mm=Mean.of(s.hausdorff_mm for s in scores),
        asd_mm=Mean.of(s.asd_mm for s in scores),
        hausdorff_voxels=Mean.of(s.hausdorff_voxels for s in scores),
        asd_voxels=Mean.of(s.asd_voxels for s in scores),
        penalised_hausdorff_mm=Mean.of(s.diagonal_mm if s.missed else s.hausdorff_mm for s in scores),
        penalised_asd_mm=Mean.of(s.diagonal_mm if s.missed else s.asd_mm for s in scores),
        penalised_hausdorff_voxels=Mean.of(
            s.diagonal_voxels if s.missed else s.hausdorff_voxels for s in scores
        ),
        penalised_asd_voxels=Mean.of(s.diagonal_voxels if s.missed else s.asd_voxels for s in scores),
        missed=sum(s.missed for s in scores),
        not_scored=sum(s.dice is None for s in scores),
    )


def summarise_by_structure(scores: Sequence[Score]) -> tuple[Summary, ...]:
    """One summary for each structure, in order of appearance, and a last one over all entries."""
    names = dict.fromkeys(s.structure for s in scores)
    each = (summarise([s for s in scores if s.structure == name], name) for name in names)
    return (*each, summarise(scores))
