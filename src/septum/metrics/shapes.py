"""The one precondition of every metric: both masks lie on the same grid."""

from __future__ import annotations

from septum.core import InputError


def require_same_shape(predicted: tuple[int, ...], truth: tuple[int, ...]) -> None:
    """Check that two masks have one shape.

    Raises:
        InputError: they do not.
    """
    if predicted != truth:
        raise InputError(
            f"Predicted and true mask must have the same shape, but they have {predicted} and {truth}; "
            "bring both to the same grid first."
        )
