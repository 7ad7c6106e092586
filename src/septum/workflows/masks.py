"""Masks of files: which value means which structure, and what a file must hold to be one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import LEFT_ATRIUM, VENTRICLES, InputError, LabelSchema, Level, Note
from septum.core.errors import Remedy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

#: Names of what masks show.
SCHEMAS = {"ventricles": VENTRICLES, "atrium": LEFT_ATRIUM}

#: No mask of a heart has more values than this, and no sentence lists more.
MOST_VALUES = 8


def schema_named(labels: str | LabelSchema) -> LabelSchema:
    """Look up what masks show by its name. Raises :class:`InputError` for one that there is not.

    >>> schema_named("atrium").names
    ('LA',)
    """
    if isinstance(labels, LabelSchema):
        return labels
    if labels not in SCHEMAS:
        raise InputError(f"no labels {labels!r}: expected {' or '.join(SCHEMAS)}.")
    return SCHEMAS[labels]


def infer_schema(label_sets: Iterable[set[int]]) -> tuple[LabelSchema, list[Note]]:
    """Find the schema that the values of some masks stand for, and a note where they leave it in doubt.

    Args:
        label_sets: for each mask the values that occur in it, background left out. Reading stops at the
            first mask that decides.

    Raises:
        InputError: the values fit neither the ventricles nor the left atrium, or there are none.
    """
    seen: set[int] = set()
    for labels in label_sets:
        seen |= labels
        if seen & {2, 3}:
            return VENTRICLES, []
        if 255 in seen:
            return LEFT_ATRIUM, []
    if seen == {1}:
        doubt = Note(
            "structure_doubtful",
            "No mask holds another value than 1, which is taken for the left atrium; "
            "if it is the right ventricle, say that the labels are ventricles.",
            Level.WARNING,
        )
        return LEFT_ATRIUM, [doubt]
    found = f"the values {listed(seen)}" if seen else "no voxel but background"
    todo = "give masks with these values" if seen else "say that the labels are ventricles, or atrium"
    if len(seen) > MOST_VALUES:
        found += " (they look like images, not masks)"
    raise InputError(
        f"The masks hold {found}, but 1, 2, 3 (ventricles) or 1 or 255 (left atrium) was expected; {todo}.",
        remedy=None if seen else Remedy.LABELS,
    )


def labels_of(name: object, labels: NDArray[Any], schema: LabelSchema) -> NDArray[Any]:
    """Take a mask's voxels in the values of a schema.

    A mask of 0 and 255 is one of 0 and 1 where the schema has a single structure.

    Args:
        name: of the mask, for sentences.
        labels: (T, Z, Y, X), whole numbers.
        schema: what they mean.

    Raises:
        InputError: it holds other values.
    """
    present = values_in(labels)
    if present == {255} and len(schema.values) == 1:
        return np.where(labels == 255, schema.values[0], 0)
    if len(present) > MOST_VALUES:
        raise InputError(
            f"{name} looks like an image, not a mask: it holds the values {listed(present)}, but only 0 and "
            f"{listed(set(schema.values))} ({', '.join(schema.names)}) were expected; give its mask."
        )
    if unknown := present - set(schema.values):
        raise InputError(
            f"{name} holds the values {listed(unknown)}, but only 0 and {listed(set(schema.values))} "
            f"({', '.join(schema.names)}) were expected; give a mask with these, or say what the labels are.",
            remedy=Remedy.LABELS,
        )
    return labels


def values_in(labels: NDArray[Any]) -> set[int]:
    """List the values of a mask but background."""
    most = int(labels.max(initial=0)) if labels.dtype == np.uint8 else MOST_VALUES + 1
    if most <= MOST_VALUES:  # much quicker than sorting all voxels
        return {value for value in range(1, most + 1) if (labels == value).any()}
    return {int(value) for value in np.unique(labels)} - {0}


def listed(values: set[int]) -> str:
    """Write the first few values in order."""
    first = ", ".join(str(value) for value in sorted(values)[:MOST_VALUES])
    return f"{first}, ..." if len(values) > MOST_VALUES else first
