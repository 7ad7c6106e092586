"""Data sets: one a file, with its descriptor; an explicit registry; splits by patient."""

from septum.datasets.acdc import acdc, read_info
from septum.datasets.descriptor import Case, Dataset, Descriptor, PublishedFacts
from septum.datasets.held_out import HeldOut, hold_out
from septum.datasets.lasc import lasc
from septum.datasets.nnunet import by_patient, nnunet
from septum.datasets.registry import (
    REGISTRY,
    facts_of,
    is_cross_validated,
    load_cross_validation,
    load_split,
    published_keys,
    require_known,
    require_published,
)
from septum.datasets.splits import CrossValidation, Split, make_split

__all__ = [
    "REGISTRY",
    "Case",
    "CrossValidation",
    "Dataset",
    "Descriptor",
    "HeldOut",
    "PublishedFacts",
    "Split",
    "acdc",
    "by_patient",
    "facts_of",
    "hold_out",
    "is_cross_validated",
    "lasc",
    "load_cross_validation",
    "load_split",
    "make_split",
    "nnunet",
    "published_keys",
    "read_info",
    "require_known",
    "require_published",
]
