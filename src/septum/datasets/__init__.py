"""Data sets as descriptors. A new data set is a new descriptor and a line in the registry."""

from collections.abc import Callable
from pathlib import Path

from septum.datasets.acdc import acdc, read_info
from septum.datasets.descriptor import Case, Dataset
from septum.datasets.lasc import lasc
from septum.datasets.splits import CrossValidation, Split, load_cross_validation, load_split, make_split

REGISTRY: dict[str, Callable[[Path], Dataset]] = {"acdc": acdc, "lasc": lasc}

__all__ = [
    "REGISTRY",
    "Case",
    "CrossValidation",
    "Dataset",
    "Split",
    "acdc",
    "lasc",
    "load_cross_validation",
    "load_split",
    "make_split",
    "read_info",
]
