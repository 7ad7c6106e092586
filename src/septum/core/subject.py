"""What indices need to know of a patient, and no more."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Subject:
    """Body size and heart rate, where the study tells them. Nothing here identifies a patient.

    Attributes:
        height_m: in metres, or ``None``.
        weight_kg: in kilograms, or ``None``.
        heart_rate_bpm: beats a minute during the cine, or ``None``.
    """

    height_m: float | None = None
    weight_kg: float | None = None
    heart_rate_bpm: float | None = None
