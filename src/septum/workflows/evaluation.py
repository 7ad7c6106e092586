"""What a comparison of masks comes to: every score, and the means that people print."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from septum.core.errors import SOME_FAILED
from septum.metrics import Mean, Summary, summarise, summarise_by_structure
from septum.workflows.index_agreement import agreement_of

if TYPE_CHECKING:
    from septum.core import LabelSchema, Note, Score
    from septum.workflows.index_agreement import IndexAgreement, IndexPair

Row = dict[str, str | float | None]

#: Phase of a summary over all phases.
ALL_PHASES = "all"


@dataclass(frozen=True)
class FrameScores:
    """Scores of one volume or one frame of a cine.

    Attributes:
        case: name of the mask, without endings, with its folder below the root.
        phase: ``ED`` or ``ES`` (ACDC), the frame number from 0 (a cine), or ``-``.
        scores: one for each structure.
    """

    case: str
    phase: str
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class PhaseSummary:
    """A summary of one structure (or all) in one phase (or all)."""

    phase: str
    summary: Summary


@dataclass(frozen=True)
class Evaluation:
    """What came of a comparison.

    Attributes:
        schema: the structures that were scored.
        frames: scores by case and phase.
        unpaired: sentences on the masks without a partner; they are in no mean.
        failures: one sentence for each pair that could not be compared; it is in no mean.
        notes: whatever was compared but deserves a look.
        indices: volumes, mass and ejection fraction of each patient, predicted and true.
    """

    schema: LabelSchema
    frames: tuple[FrameScores, ...]
    unpaired: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    indices: tuple[IndexPair, ...] = ()

    @property
    def agreement(self) -> tuple[IndexAgreement, ...]:
        """Bias and limits of agreement of each index, over the patients that have it."""
        return agreement_of(self.indices)

    @property
    def summaries(self) -> tuple[PhaseSummary, ...]:
        """By structure and phase, then (of several phases) by structure, then over everything."""
        phases = sorted({frame.phase for frame in self.frames}, key=_phase_order)
        by_phase = {
            phase: summarise_by_structure(
                [entry for frame in self.frames if frame.phase == phase for entry in frame.scores]
            )[:-1]
            for phase in phases
        }
        every = [entry for frame in self.frames for entry in frame.scores]
        of_structures = [
            PhaseSummary(phase, by_phase[phase][i])
            for i in range(len(self.schema.structures))
            for phase in phases
        ]
        if len(phases) > 1:
            of_structures += [PhaseSummary(ALL_PHASES, s) for s in summarise_by_structure(every)[:-1]]
        return (*of_structures, PhaseSummary(ALL_PHASES, summarise(every)))

    @property
    def exit_code(self) -> int:
        """As in :mod:`septum.core.errors`: 1 if some masks could not be paired or compared."""
        return SOME_FAILED if self.failures or self.unpaired else 0

    def to_rows(self) -> list[Row]:
        """One flat row for each case, phase and structure: ``case``, ``phase``, then a score's fields."""
        return [
            {"case": frame.case, "phase": frame.phase, **asdict(entry)}
            for frame in self.frames
            for entry in frame.scores
        ]

    def index_rows(self) -> list[Row]:
        """One flat row for each patient and index: ``case``, ``key``, ``predicted``, ``true``."""
        return [asdict(pair) for pair in self.indices]

    def agreement_rows(self) -> list[Row]:
        """One flat row for each index: the fields of an :class:`IndexAgreement`."""
        return [asdict(entry) for entry in self.agreement]

    def summary_rows(self) -> list[Row]:
        """One flat row for each summary; a mean ``dice`` becomes ``dice_mean``, ``dice_sd``, ``dice_n``."""
        return [{"phase": entry.phase, **_flat(entry.summary)} for entry in self.summaries]


def _phase_order(phase: str) -> tuple[int, str]:
    return (int(phase), "") if phase.isdigit() else (-1, phase)


def _flat(summary: Summary) -> Row:
    row: Row = {}
    for name, value in vars(summary).items():
        if isinstance(value, Mean):
            row |= {f"{name}_mean": value.mean, f"{name}_sd": value.sd, f"{name}_n": value.n}
        else:
            row[name] = value
    return row
