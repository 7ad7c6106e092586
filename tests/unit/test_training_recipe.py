"""Recipes: the shipped ones are valid, and nonsense is refused with the file and the setting."""

from importlib import resources
from pathlib import Path

import pytest

from septum.core import RecipeError
from septum.training.recipe import MultiStageRecipe, load_recipe

SHIPPED = Path(str(resources.files("septum"))) / "recipes"


@pytest.mark.parametrize("path", sorted(SHIPPED.rglob("*.toml")), ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_shipped_recipes_are_valid(path):
    recipe = load_recipe(path)
    assert recipe.name == path.stem
    assert recipe.sha256 == load_recipe(path).sha256


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "not valid TOML"),
        ("name = 'x'", "title"),
        ("surprise = 1", "Field required"),
        (b"\xff\xfe\x00", "not valid TOML"),
    ],
)
def test_recipe_that_says_nonsense_is_refused_with_its_name(tmp_path, text, said):
    file = tmp_path / "x.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RecipeError, match=said) as refused:
        load_recipe(file)
    assert str(file) in str(refused.value)


def test_missing_recipe_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="No such file"):
        load_recipe(tmp_path / "x.toml")


@pytest.mark.parametrize("change", [{"out_channels": 4}, {"loss": "multiclass_dice"}])
def test_localiser_has_one_sigmoid_channel(change):
    settings = load_recipe(SHIPPED / "production" / "cine.toml").model_dump()
    settings["localiser"] |= {key: value for key, value in change.items() if key == "loss"}
    settings["localiser"]["network"] |= {key: value for key, value in change.items() if key != "loss"}
    with pytest.raises(ValueError, match="one sigmoid channel"):
        MultiStageRecipe.model_validate(settings)
