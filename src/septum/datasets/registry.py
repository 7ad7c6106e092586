"""All data sets by key, and their published splits. To add a data set, add its descriptor to the tuple."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from septum.core import RecipeError
from septum.datasets.acdc import ACDC
from septum.datasets.lasc import LASC
from septum.datasets.nnunet import NNUNET
from septum.datasets.reviewed import REVIEWED
from septum.datasets.splits import CrossValidation, Split

if TYPE_CHECKING:
    from septum.datasets.descriptor import Descriptor, PublishedFacts

REGISTRY: dict[str, Descriptor] = {one.key: one for one in (ACDC, LASC, NNUNET, REVIEWED)}


def published_keys() -> tuple[str, ...]:
    """Keys of the data sets whose split comes with them.

    >>> published_keys()
    ('acdc', 'lasc')
    """
    return tuple(key for key, one in REGISTRY.items() if one.facts is not None)


def require_known(key: str) -> str:
    """Return the key of a data set as it is. Raises ``ValueError`` if there is no such data set."""
    return _require(key, tuple(REGISTRY))


def require_published(key: str) -> str:
    """Return the key of a published data set as it is. Raises ``ValueError`` if there is no such data set."""
    return _require(key, published_keys())


def facts_of(key: str) -> PublishedFacts:
    """What is known of a published data set.

    Raises:
        RecipeError: it is not published, or unknown.
    """
    found = REGISTRY.get(key)
    if found is None or found.facts is None:
        raise RecipeError(
            f"no published split for data set {key!r}; there is one for {' and for '.join(published_keys())}."
        )
    return found.facts


def load_split(dataset: str) -> Split:
    """The split that this project publishes its numbers on.

    Raises:
        RecipeError: there is none for this data set.
    """
    file = facts_of(dataset).splits / f"{dataset}.json"
    return Split.model_validate(json.loads(file.read_text(encoding="utf-8")))


def is_cross_validated(dataset: str) -> bool:
    """Whether this project publishes the parts in which it cross-validates on a data set."""
    found = REGISTRY.get(dataset)
    facts = None if found is None else found.facts
    return facts is not None and (facts.splits / f"{dataset}-cross-validation.json").is_file()


def load_cross_validation(dataset: str) -> CrossValidation:
    """The parts in which this project cross-validates its production recipes.

    Raises:
        RecipeError: there are none for this data set.
    """
    if not is_cross_validated(dataset):
        raise RecipeError(f"no published parts to cross-validate on for data set {dataset!r}.")
    file = facts_of(dataset).splits / f"{dataset}-cross-validation.json"
    return CrossValidation.model_validate(json.loads(file.read_text(encoding="utf-8")))


def _require(key: str, known: tuple[str, ...]) -> str:
    if key not in known:
        raise ValueError(f"expected one of {', '.join(map(repr, known))}, got {key!r}")
    return key
