"""Notes on indices: conventions, and why an index has no value where nothing else says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from septum.core import Level, Note, Role
from septum.indices.curve import LEAST_FOR_RATES
from septum.indices.phases import LEAST_NOISE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from septum.core import CardiacPhases
    from septum.indices.measured import Measured

PAPILLARY = Note(
    "papillary_in_cavity", "Papillary muscles and trabeculae count as cavity, not as myocardium."
)
ONE_FRAME = Note(
    "one_frame",
    "There is one frame, whose phase is not known: volumes and mass are of that frame, and there are no "
    "end-diastolic and end-systolic values.",
)
GIVEN_FRAME = Note(
    "one_given_frame",
    "There is one frame, whose phase was given: there are no values of the other phase.",
)
ATRIUM = Note(
    "atrial_phase_unknown",
    "The phase of the image is not known: the left atrium is largest at the end of ventricular systole, and "
    "smaller at any other time.",
)


def convention_notes(measured: Measured, timed_by: Role | None) -> Iterator[Note]:
    """Say what the numbers of ventricles rest on: the convention on papillary muscles, and the phases.

    Args:
        measured: the mask.
        timed_by: ventricle that tells the phases; ``None`` for a mask without any.
    """
    if timed_by is None:
        return
    if measured.phases is not None:
        yield PAPILLARY
    elif measured.still is None:
        yield Note(
            "no_beat",
            f"The volume of the {timed_by} is the same in all frames: there is no end-diastole and no "
            "end-systole.",
            Level.WARNING,
        )
    else:
        yield ONE_FRAME if measured.still == "unknown" else GIVEN_FRAME
        yield PAPILLARY


def ventricle_notes(measured: Measured) -> Iterator[Note]:
    """Say which ventricle is empty at end-diastole, and where the RV has extremes of its own."""
    if measured.phases is None:
        return
    for role in (Role.LV, Role.RV):
        volumes = measured.volumes_ml.get(role)
        if volumes is None:
            continue
        if volumes[measured.phases.end_diastole] <= 0:
            text = f"{role} is empty at end-diastole: it has no volumes and no ejection fraction."
            yield Note(f"{role.lower()}_empty", text, Level.WARNING)
        elif role is Role.RV and Role.LV in measured.volumes_ml:
            yield from own_extremes(volumes, measured.phases)


def own_extremes(volumes_ml: Sequence[float], phases: CardiacPhases) -> Iterator[Note]:
    """Say what the RV would have at its own extremes, where it is not at them in the LV's phases.

    The ventricles need not be largest and smallest in the same frames, least of all if one of them is ill.
    What a volume is uncertain by anyway (:data:`septum.indices.phases.LEAST_NOISE`) is left out.

    Args:
        volumes_ml: of the RV, one a frame, not empty at end-diastole.
        phases: of the LV.
    """
    volumes = np.asarray(volumes_ml, float)
    full, emptied = volumes[phases.end_diastole], volumes[phases.end_systole]
    largest, smallest = int(volumes.argmax()), int(volumes.argmin())
    most, least = volumes[largest], volumes[smallest]
    if max(most - full, emptied - least) <= LEAST_NOISE * most:
        return
    own, shown = (100.0 * (a - b) / a for a, b in ((most, least), (full, emptied)))
    yield Note(
        "rv_own_extremes",
        f"RV volumes are those of the LV's end-diastole and end-systole. The RV is largest in frame "
        f"{largest} ({most:.0f} ml) and smallest in frame {smallest} ({least:.0f} ml): between these its "
        f"ejection fraction would be {own:.0f} % instead of {shown:.0f} %.",
    )


def atrium_notes(measured: Measured) -> Iterator[Note]:
    """Say of which phase the left atrium's volume is."""
    if measured.still is not None and measured.largest_ml(Role.LA) is not None:
        yield ATRIUM


def absence_notes(measured: Measured) -> Iterator[Note]:
    """Say what is missing, one note each. Structures that the mask cannot show are none."""
    frames = max(map(len, measured.volumes_ml.values()), default=0)
    if Role.LV in measured.volumes_ml and measured.time.times_ms is not None and frames < LEAST_FOR_RATES:
        yield Note(
            "too_few_frames_for_rates",
            f"There are {frames} frames, and rates of ejection and filling take {LEAST_FOR_RATES}: there are "
            "none.",
        )
    muscle = measured.volumes_ml.get(Role.MYO)
    if measured.phases is not None and muscle is not None:
        at = {"end-diastole": measured.phases.end_diastole, "end-systole": measured.phases.end_systole}
        bare = [name for name, frame in at.items() if muscle[frame] <= 0]
        if bare:
            text = f"There is no myocardium at {' and '.join(bare)}, and no mass."
            yield Note("no_myocardium", text, Level.WARNING)
    if Role.LA in measured.volumes_ml and measured.largest_ml(Role.LA) is None:
        yield Note("la_empty", "The left atrium is empty in all frames: it has no volume.", Level.WARNING)
