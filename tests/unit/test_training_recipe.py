"""Recipes: the shipped ones are valid, and nonsense is refused with the file and the setting."""

import pytest

from septum.core import LEFT_ATRIUM, RecipeError
from septum.training.recipe import MultiStageRecipe
from septum.training.recipe_file import load_recipe
from support.recipes import PAPER, SHIPPED


@pytest.mark.parametrize("path", sorted(SHIPPED.rglob("*.toml")), ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_shipped_recipes_are_valid(path):
    recipe = load_recipe(path)
    assert path.stem == recipe.name or path.stem.startswith(f"{recipe.name}-")  # a variant
    assert recipe.sha256 == load_recipe(path).sha256


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "not valid TOML"),
        ("name = 'x'", "title"),
        ("surprise = 1", "name: expected a value"),
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


BASE = """
name = "base"
title = "whole volumes"
dataset = "acdc"
method = "whole_volume"

[segmenter]
loss = "multiclass_dice"
network = { out_channels = 4, filters = 32 }
preprocessing = { in_plane_mm = 1.25, clahe = { clip = 2.0, tiles = 4 } }
patch = { size = [256, 256] }

[segmenter.optimisation]
epochs = 300
patience = 30
"""


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name.replace('_', '-')}.toml").write_text(text, encoding="utf-8")


def test_recipe_says_only_what_differs_from_the_one_that_it_extends(tmp_path):
    middle = 'name = "middle"\nextends = "base"\n[segmenter.network]\nkeep_z = true\n'
    last = (
        'name = "last"\ntitle = "other"\nextends = "middle"\nseed = 3\n'
        "[segmenter]\npatch = { size = [64, 32] }\noptimisation = { patience = 5 }\n"
        "preprocessing = { clahe = { clip = 3.0 } }\n"
    )
    write(tmp_path, base=BASE, middle=middle, last=last)
    base, found = (load_recipe(tmp_path / f"{name}.toml") for name in ("base", "last"))
    expected = base.model_dump()
    expected |= {"name": "last", "title": "other", "seed": 3}
    expected["segmenter"]["network"]["keep_z"] = True
    expected["segmenter"]["patch"]["size"] = (64, 32)
    expected["segmenter"]["optimisation"]["patience"] = 5
    expected["segmenter"]["preprocessing"]["clahe"]["clip"] = 3.0
    assert found.model_dump() == expected
    assert load_recipe(tmp_path / "middle.toml").title == "whole volumes"


def test_extending_a_recipe_equals_writing_it_out(tmp_path):
    whole = BASE.replace("filters = 32", "filters = 8").replace('"base"', '"written"')
    write(tmp_path, base=BASE, written=whole)
    write(tmp_path, extended='name = "extended"\nextends = "base"\n[segmenter.network]\nfilters = 8\n')
    extended, written = (load_recipe(tmp_path / f"{name}.toml") for name in ("extended", "written"))
    assert extended.sha256 == written.sha256 != load_recipe(tmp_path / "base.toml").sha256


def test_list_or_value_replaces_a_table_and_the_other_way_round(tmp_path):
    write(
        tmp_path,
        base=BASE,
        bad='extends = "base"\nsegmenter = 3\n',
        worse='extends = "base"\n[seed]\nx = 1\n',
    )
    with pytest.raises(RecipeError, match=r"bad\.toml: segmenter: "):
        load_recipe(tmp_path / "bad.toml")
    with pytest.raises(RecipeError, match=r"worse\.toml: seed: "):
        load_recipe(tmp_path / "worse.toml")


@pytest.mark.parametrize("first", ["a", "b", "c"])
def test_recipes_that_extend_each_other_in_a_circle_are_refused(tmp_path, first):
    write(tmp_path, a='extends = "b"\n', b='extends = "c"\n', c='extends = "a"\n')
    with pytest.raises(RecipeError, match=r"may not extend itself.*; remove an 'extends'\.$"):
        load_recipe(tmp_path / f"{first}.toml")


def test_recipe_that_extends_itself_is_refused(tmp_path):
    write(tmp_path, b='extends = "b"\n')
    with pytest.raises(RecipeError, match="may not extend itself"):
        load_recipe(tmp_path / "b.toml")


def test_unknown_base_is_refused_with_both_names(tmp_path):
    write(tmp_path, a='extends = "nowhere"\n')
    with pytest.raises(RecipeError) as refused:
        load_recipe(tmp_path / "a.toml")
    assert str(refused.value) == (
        f"{tmp_path / 'a.toml'}: extends: expected the name of a recipe beside it or of a shipped "
        f"one, but there is no {tmp_path / 'nowhere.toml'}."
    )


@pytest.mark.parametrize("base", ['"../base"', '"sub/base"', "3", '["base"]'])
def test_base_is_a_name_and_no_path(tmp_path, base):
    write(tmp_path, base=BASE, a=f"extends = {base}\n")
    with pytest.raises(RecipeError, match=r"extends: expected .* of a shipped one.*, got"):
        load_recipe(tmp_path / "a.toml")


def test_recipe_anywhere_extends_a_shipped_one_by_its_name(tmp_path):
    write(tmp_path, a='extends = "production/cine-cpu"\nname = "a"\n[segmenter.optimisation]\nepochs = 3\n')
    found, shipped = load_recipe(tmp_path / "a.toml"), load_recipe(SHIPPED / "production" / "cine-cpu.toml")
    assert found.segmenter.optimisation.epochs == 3
    assert found.segmenter.optimisation.learning_rate == shipped.segmenter.optimisation.learning_rate
    assert (found.localiser, found.initial) == (shipped.localiser, shipped.initial)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("patient_pattern = '(p'", "expected a regular expression with a group"),
        ("patient_pattern = 'p'", "expected a regular expression with a group"),
        ("dataset = 'acdc'\npatient_pattern = '(p)'", "patients and split of acdc are published"),
        ("dataset = 'acdc'\nheld_out = { share = 0.5 }", "patients and split of acdc are published"),
        ("dataset = 'lasc'\ninput = 'cine'", "split of lasc are published: leave out input"),
        ("held_out = { share = 1.0 }", "held_out.share"),
    ],
)
def test_patients_and_split_are_the_recipes_to_tell_only_of_ones_own_data(tmp_path, said, told):
    own = "" if "dataset" in said else "dataset = 'nnunet'\n"
    write(tmp_path, a=f"extends = 'production/cine'\n{own}{said}\n")
    with pytest.raises(RecipeError, match=told):
        load_recipe(tmp_path / "a.toml")


def test_name_and_title_are_no_part_of_the_hash_and_all_else_is():
    recipe = load_recipe(PAPER / "acdc-multi-stage.toml")
    renamed = recipe.model_copy(update={"name": "x", "title": "y"})
    assert renamed.sha256 == recipe.sha256
    assert recipe.model_copy(update={"seed": 1}).sha256 != recipe.sha256
    default = recipe.model_copy(update={"fold": None})
    assert default.sha256 == recipe.sha256, "what stands at its default is left out"


@pytest.mark.parametrize(
    ("channels", "loss", "told"),
    [
        (3, "dice_cross_entropy", "the data has 1 structure, so the segmenter needs out_channels = 2, got 3"),
        (
            1,
            "dice_cross_entropy",
            "loss is 'bce_dice' with out_channels = 1 .* got 'dice_cross_entropy' with 1",
        ),
        (2, "bce_dice", "loss is 'bce_dice' with out_channels = 1 .* got 'bce_dice' with 2"),
        (2, "dice_cross_entropy", None),
        (1, "bce_dice", None),
    ],
)
def test_channels_and_loss_fit_the_structures(channels, loss, told):
    recipe = load_recipe(SHIPPED / "production" / "cine.toml").model_copy(update={"dataset": "nnunet"})
    stage = recipe.segmenter
    network = stage.network.model_copy(update={"out_channels": channels})
    stage = stage.model_copy(update={"loss": loss, "network": network})
    if told is None:
        recipe.require_channels(stage, LEFT_ATRIUM)
        return
    with pytest.raises(RecipeError, match=told):
        recipe.require_channels(stage, LEFT_ATRIUM)


def test_soft_argmax_at_test_needs_a_fixed_size():
    settings = load_recipe(PAPER / "acdc-localisation-soft-argmax.toml").model_dump()
    settings["localisation"]["fixed"] = None
    with pytest.raises(ValueError, match="'soft_argmax' knows no extent: localisation needs a fixed size"):
        MultiStageRecipe.model_validate(settings)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("sead = 3", ("sead", "'seed'")),
        ("[segmenter.optimisation]\nepoch = 3", ("segmenter.optimisation.epoch", "'epochs'")),
        ("[segmenter.optimisation]\nepochs = -1", ("segmenter.optimisation.epochs", "1 or more", "-1")),
        ("[segmenter.network]\nfilters = 'eight'", ("segmenter.network.filters", "whole number", "'eight'")),
        ("[segmenter.network]\narchitecture = 'unet4d'", ("segmenter.network.architecture", "'dr_unet'")),
        ("localiser = 'a'", ("localiser", "table of settings", "'a'")),
        ("method = 'guess'", ("method", "'multi_stage'", "'guess'")),
    ],
)
def test_a_typing_error_is_one_sentence_with_place_expectation_and_finding(tmp_path, wrong, told):
    write(tmp_path, a=f"extends = 'production/cine-cpu'\n{wrong}\n")
    with pytest.raises(RecipeError) as refused:
        load_recipe(tmp_path / "a.toml")
    message = str(refused.value)
    assert all(part in message for part in told)
    assert message.endswith(".")
    assert not any(words in message for words in ("Input", "Extra", "Value error", "\n"))
