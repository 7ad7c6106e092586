"""Why an index has no value where nothing else says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.indices.curve import LEAST_FRAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from septum.core import CardiacPhases
    from septum.indices.time_base import TimeBase


def absences(
    volumes_ml: Mapping[str, tuple[float, ...]], phases: CardiacPhases | None, timed: TimeBase
) -> list[str]:
    """One sentence for each thing that is missing. Structures that the mask cannot show are none.

    Args:
        volumes_ml: structure to one volume a frame.
        phases: as found, if they could be.
        timed: the frames in time, with notes of its own.
    """
    notes = []
    frames = max(map(len, volumes_ml.values()), default=0)
    if "LV" in volumes_ml and timed.times_ms is not None and frames < LEAST_FRAMES:
        notes.append(
            f"There are {frames} frames, and rates of ejection and filling take {LEAST_FRAMES}: there are "
            "none."
        )
    if phases is not None and "MYO" in volumes_ml:
        at = {"end-diastole": phases.end_diastole, "end-systole": phases.end_systole}
        bare = [name for name, frame in at.items() if volumes_ml["MYO"][frame] <= 0]
        if bare:
            notes.append(f"There is no myocardium at {' and '.join(bare)}, and no mass.")
    if "LA" in volumes_ml and max(volumes_ml["LA"]) <= 0:
        notes.append("The left atrium is empty in all frames: it has no volume.")
    return notes
