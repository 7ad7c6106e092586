"""Data sets as descriptors. A new data set is a new descriptor and a line in the registry."""

from collections.abc import Callable
from pathlib import Path

from septum.datasets.acdc import acdc, read_info
from septum.datasets.descriptor import Case, Dataset
from septum.datasets.held_out import HeldOut, hold_out
from septum.datasets.lasc import lasc
from septum.datasets.nnunet import by_patient, nnunet
from septum.datasets.splits import (
    PUBLISHED,
    CrossValidation,
    Split,
    load_cross_validation,
    load_split,
    make_split,
)

REGISTRY: dict[str, Callable[[Path], Dataset]] = {"acdc": acdc, "lasc": lasc, "nnunet": nnunet}

__all__ = [
    "PUBLISHED",
    "REGISTRY",
    "Case",
    "CrossValidation",
    "Dataset",
    "HeldOut",
    "Split",
    "acdc",
    "by_patient",
    "hold_out",
    "lasc",
    "load_cross_validation",
    "load_split",
    "make_split",
    "nnunet",
    "read_info",
]
