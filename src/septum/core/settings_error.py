"""What is wrong with a setting, in the words of who wrote it and not in those of pydantic."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic_core import ErrorDetails

#: What a kind of error expects, with the error's own context filled in.
EXPECTED = {
    "missing": "a value, since it has no default",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text in quotes",
    "tuple_type": "a list",
    "list_type": "a list",
    "model_type": "a table of settings",
    "dict_type": "a table of settings",
    "literal_error": "{expected}",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "a number below {lt}",
    "less_than_equal": "{le} or less",
    "too_short": "at least {min_length} values",
    "too_long": "at most {max_length} values",
    "union_tag_invalid": "one of {expected_tags}",
}
LONGEST = 60
#: What pydantic adds to the place of a value that may be of several types: one of them; no key is written so.
_TYPE = re.compile(r"str|int|float|bool|\w+\[.*\]|[A-Z][a-z]\w+")


def describe(error: ValidationError, settings: Sequence[type[BaseModel]] = (), tag: str = "") -> str:
    """Say what is wrong first: where it stands, what was expected and what is there, without a full stop.

    Args:
        error: of the settings.
        settings: what was to be read, from which the keys that do exist are taken.
        tag: where ``settings`` are a union, the value that chose among them; it is no key of the file.
    """
    errors = error.errors()
    first = errors[0]
    place = first["loc"][1:] if tag and first["loc"][:1] == (tag,) else first["loc"]
    where, kind, context = _dotted(place), first["type"], first.get("ctx", {})
    if kind == "extra_forbidden":
        return f"{where}: there is no such key{meant(str(place[-1]), _keys(settings, place[:-1]))}"
    if kind in {"value_error", "assertion_error"}:
        text = str(context.get("error", first["msg"])).rstrip(".")
        return f"{where}: {text}" if place else text
    got = first["input"]
    if kind == "union_tag_invalid":
        where, got = str(context["discriminator"]).strip("'"), context["tag"]
    expected = _expected(first)
    if place and _TYPE.fullmatch(str(place[-1])):
        where = _dotted(place[:-1])
        others = [one for one in errors if one["loc"][:-1] == first["loc"][:-1]]
        expected = " or ".join(dict.fromkeys(map(_expected, others)))
    found = "" if kind == "missing" else f", got {_shown(got)}"
    return f"{where or 'the settings'}: expected {expected}{found}"


def _expected(error: ErrorDetails) -> str:
    """What should stand there."""
    kind = error["type"]
    return EXPECTED[kind].format(**error.get("ctx", {})) if kind in EXPECTED else error["msg"].lower()


def _dotted(place: Sequence[int | str]) -> str:
    return ".".join(str(part) for part in place)


def meant(key: str, known: Sequence[str]) -> str:
    """Name the key that may have been meant, or all that there are, as the end of a sentence.

    Args:
        key: the one that is unknown.
        known: those that there are.

    >>> meant("hieght_m", ["height_m", "weight_kg"])
    "; write 'height_m' if that is meant"
    >>> meant("age", ["height_m", "weight_kg"])
    '; expected one of height_m, weight_kg'
    """
    close = get_close_matches(key, known, n=1)
    if close:
        return f"; write {close[0]!r} if that is meant"
    return f"; expected one of {', '.join(known)}" if known else ""


def _keys(settings: Sequence[type[BaseModel]], place: Sequence[int | str]) -> list[str]:
    """Keys of the table at a place."""
    models = list(settings)
    for part in place:
        fields = [model.model_fields[str(part)] for model in models if str(part) in model.model_fields]
        models = [model for field in fields for model in _models_in(field.annotation)]
    return list(dict.fromkeys(name for model in models for name in model.model_fields))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def _shown(value: object) -> str:
    text = "a table" if isinstance(value, dict) else repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
