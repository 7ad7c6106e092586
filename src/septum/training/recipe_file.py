"""A recipe from its file: the settings in it, laid over those of the recipe that it extends, and checked."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from septum.core import RecipeError
from septum.core.settings_error import describe
from septum.core.shipped_recipes import shipped_recipes
from septum.networks import NetworkSettings, require_known
from septum.training.recipe import AnyRecipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_ADAPTER: TypeAdapter[AnyRecipe] = TypeAdapter(AnyRecipe)
#: The kinds of recipes, one a method.
_RECIPES = get_args(get_args(AnyRecipe)[0])


def load_recipe(path: Path) -> AnyRecipe:
    """Read and check a recipe.

    A recipe may say ``extends = "other"``: the name of a recipe beside it, without ``.toml``, or of a shipped
    one, such as ``production/cine``, whose settings hold unless it says otherwise, key by key.

    Raises:
        RecipeError: the file is missing, is no TOML, or says something that it may not say.
    """
    return check_recipe(read_settings(path), path)


def check_recipe(content: dict[str, Any], path: Path) -> AnyRecipe:
    """The recipe of settings.

    Args:
        content: as :func:`read_settings` gives them.
        path: their file, which messages name.

    Raises:
        RecipeError: they say something that they may not say.
    """
    content = {"method": "multi_stage"} | content
    try:
        recipe = _ADAPTER.validate_python(content)
    except ValidationError as error:
        method = str(content["method"])
        known = [one for one in _RECIPES if get_args(one.model_fields["method"].annotation) == (method,)]
        raise RecipeError(f"{path}: {describe(error, known, tag=method)}.") from error
    for place, settings in _networks(recipe):
        require_known(settings, f"{path}: {place}.architecture")
    return recipe


def _networks(settings: BaseModel, place: str = "") -> Iterator[tuple[str, NetworkSettings]]:
    """Every network of a recipe that the registry builds, with the key at which it stands."""
    for key in type(settings).model_fields:
        value, where = getattr(settings, key), f"{place}.{key}" if place else key
        if isinstance(value, NetworkSettings):
            yield where, value
        elif isinstance(value, BaseModel):
            yield from _networks(value, where)


def read_settings(path: Path, seen: frozenset[Path] = frozenset()) -> dict[str, Any]:
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
        raise RecipeError(
            f"{path}: expected a recipe file, and it cannot be read ({error.strerror})."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not valid TOML: {error}.") from error
    if "extends" not in content:
        return content
    base = _base(path, content.pop("extends"))
    return _merged(read_settings(base, seen | {path}), content)


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
