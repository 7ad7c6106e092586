"""A recipe from its file: the settings in it, laid over those of the recipe that it extends, and checked."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from septum.core import RecipeError
from septum.core.shipped_recipes import shipped_recipes
from septum.training.recipe import AnyRecipe

if TYPE_CHECKING:
    from pathlib import Path


_ADAPTER: TypeAdapter[AnyRecipe] = TypeAdapter(AnyRecipe)


def load_recipe(path: Path) -> AnyRecipe:
    """Read and check a recipe.

    A recipe may say ``extends = "other"``: the name of a recipe beside it, without ``.toml``, or of a shipped
    one, such as ``production/cine``, whose settings hold unless it says otherwise, key by key.

    Raises:
        RecipeError: the file is missing, is no TOML, or says something that it may not say.
    """
    content = _read_settings(path)
    content.setdefault("method", "multi_stage")
    try:
        return _ADAPTER.validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"] if part != content["method"]]
        where = ".".join(place) or "the recipe"
        raise RecipeError(f"{path}: {where}: {first['msg']} (got {first['input']!r:.80}).") from error


def _read_settings(path: Path, seen: frozenset[Path] = frozenset()) -> dict[str, Any]:
    """All settings of a recipe, unchecked.

    Args:
        path: TOML file.
        seen: files that extend it.

    Raises:
        RecipeError: the file, or one that it extends, is missing, no TOML, or extends itself.
    """
    if path in seen:
        raise RecipeError(f"{path}: a recipe may not extend itself, by whatever way; remove an 'extends'.")
    try:
        content = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise RecipeError(f"{path}: expected a recipe file, but {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not valid TOML: {error}.") from error
    if "extends" not in content:
        return content
    base = _base(path, content.pop("extends"))
    return _merged(_read_settings(base, seen | {path}), content)


def _base(path: Path, name: object) -> Path:
    """The file that ``extends`` names: a recipe beside it or, with a folder's name, one that is shipped."""
    expected = f"{path}: extends: expected the name of a recipe beside it or of a shipped one"
    shipped = shipped_recipes()
    if not isinstance(name, str) or name in {"", ".", ".."}:
        raise RecipeError(f"{expected}, got {name!r}.")
    if name in shipped:
        return shipped[name]
    if "/" in name or "\\" in name:
        known = ", ".join(one for one in shipped if one.startswith("production/"))
        raise RecipeError(f"{expected} ({known}, ...), got {name!r}.")
    file = path.with_name(f"{name}.toml")
    if not file.is_file():
        raise RecipeError(f"{expected}, but there is no {file}.")
    return file


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        both_tables = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merged(base[key], value) if both_tables else value
    return merged
