"""The recipes of the paper: literal, trainable, and sharing what they say they share."""

import pytest

from septum.core import LEFT_ATRIUM, VENTRICLES
from septum.networks.box_detector import BoxDetector
from septum.preprocessing import ClaheSettings
from septum.training.objective import built
from septum.training.recipe import (
    DetectThenSegmentRecipe,
    EndToEndRecipe,
    MaskRCNNRecipe,
    MultiStageRecipe,
    WholeVolumeRecipe,
)
from septum.training.recipe_file import load_recipe
from septum.training.single import task_of
from support.recipes import PAPER

RECIPES = {path.stem: load_recipe(path) for path in sorted(PAPER.glob("*.toml"))}
TWO_STAGE = (MultiStageRecipe, DetectThenSegmentRecipe)
SCHEMAS = {"acdc": VENTRICLES, "lasc": LEFT_ATRIUM}


def trainings():
    """Name of a recipe and of each of its trainings, with their settings."""
    for name, recipe in RECIPES.items():
        yield name, "segmenter", recipe.segmenter
        if isinstance(recipe, TWO_STAGE):
            yield name, "localiser", recipe.localiser
        transfer = getattr(getattr(recipe, "refinements", None), "transfer", None)
        if transfer is not None:
            yield name, "transfer", transfer.training


TRAININGS = [pytest.param(*t, id=f"{t[0]}-{t[1]}") for t in trainings()]


def dataset_of(recipe, part):
    return recipe.refinements.transfer.dataset if part == "transfer" else recipe.dataset


@pytest.mark.parametrize(("name", "part", "settings"), TRAININGS)
def test_training_is_literal(name, part, settings):
    found = settings.optimisation
    assert (found.optimiser, found.learning_rate, found.schedule, found.warmup_steps) == (
        "adam",
        1e-4,
        "constant",
        0,
    )
    assert (found.batch, found.stacked, found.epochs, found.patience) == (4, True, 300, 30)
    assert (found.weight_decay, found.ema, found.gradient_norm) == (0, 0, 0)
    # An epoch shows each volume of a fold once: 2 x 64 of ACDC, 51 or 52 of LASC.
    assert found.steps_per_epoch * found.batch == {"acdc": 128, "lasc": 52}[dataset_of(RECIPES[name], part)]
    assert settings.augmentation == type(settings.augmentation)(), "no augmentation"


@pytest.mark.parametrize(("name", "part", "settings"), TRAININGS)
def test_preparation_is_literal(name, part, settings):
    found = settings.preprocessing
    assert found.clahe == ClaheSettings(clip=2.0, tiles=4)
    assert (found.clip_percentiles, found.normalise) == (None, "volume")
    grid = (found.slice_mm, found.in_plane_mm, found.size)
    whole = {"acdc": (10.0, 1.25, (16, 256, 256)), "lasc": (None, None, (88, 160, 248))}
    coarse = {"acdc": (10.0, 2.5, (16, 128, 128)), "lasc": (1.25, 1.25, (48, 80, 128))}
    if name == "lasc-end-to-end":  # its first network halves half the resolution three times
        assert grid == (None, None, (96, 160, 256))
    else:
        assert grid == (coarse if part == "localiser" else whole)[dataset_of(RECIPES[name], part)]


@pytest.mark.parametrize(("name", "part", "settings"), TRAININGS)
def test_network_can_be_trained_on_what_it_is_shown(name, part, settings):
    recipe, size = RECIPES[name], (settings.preprocessing.size[0], *settings.patch.size)
    if isinstance(recipe, MaskRCNNRecipe):
        multiple = (1, 32, 32)  # the deepest level of its pyramid
    elif isinstance(recipe, WholeVolumeRecipe | EndToEndRecipe):
        multiple = task_of(recipe).build().multiple
    elif part == "localiser" and isinstance(recipe, DetectThenSegmentRecipe):
        multiple = BoxDetector(recipe.localiser.network).multiple
    else:
        multiple = built((recipe.localiser if part == "localiser" else recipe.segmenter).network).multiple
    assert [n % m for n, m in zip(size, multiple, strict=True)] == [0, 0, 0]


@pytest.mark.parametrize("name", RECIPES)
def test_networks_are_literal(name):
    recipe = RECIPES[name]
    if isinstance(recipe, MaskRCNNRecipe):
        assert recipe.mask_rcnn.out_channels == 4
        return
    structures = len(SCHEMAS[recipe.dataset].structures)
    network, channels = recipe.segmenter.network, 1 if structures == 1 else structures + 1
    assert network.out_channels == channels
    assert recipe.segmenter.loss == ("bce_dice" if channels == 1 else "multiclass_dice")
    filters = 32 if name.startswith("acdc") else 16 if "yang" in name or name.endswith("-16") else 8
    assert network.filters == filters
    architecture = next(
        (n for n in ("unet3d", "vnet") if n in name), "unet3d" if "yang" in name else "dr_unet"
    )
    assert network.architecture == architecture
    keep_z = "keep-z" in name or "localisation" in name
    changed = {"architecture", "out_channels", "filters", "keep_z", "in_channels"}
    assert network.keep_z == keep_z
    assert set(network.model_dump(exclude_defaults=True)) <= changed, "all else as the paper has it"
    first = recipe.first.coarse if isinstance(recipe, EndToEndRecipe) else None
    if isinstance(recipe, TWO_STAGE):
        first = recipe.localiser.network
    if first is not None:
        assert first.filters == 8
        assert first.keep_z == keep_z
    if isinstance(recipe, MultiStageRecipe | EndToEndRecipe):
        assert set(first.model_dump(exclude_defaults=True)) <= {"keep_z"}


@pytest.mark.parametrize("name", [n for n, r in RECIPES.items() if isinstance(r, TWO_STAGE)])
def test_region_is_of_one_size_and_trained_on_as_it_is_used(name):
    recipe = RECIPES[name]
    size = {"acdc": (128, 128), "lasc": (144, 216)}[recipe.dataset]
    assert recipe.localisation.fixed == recipe.segmenter.patch.size == size
    assert (recipe.localisation.depth, recipe.segmenter.patch.jitter_mm) == (None, 10.0)
    assert recipe.localiser.patch.size == recipe.localiser.preprocessing.size[1:], "the whole volume"
    assert recipe.localiser.patch.jitter_mm == 0
    assert (recipe.localiser_folds, recipe.localiser_fold_epochs) == (3, 60)


@pytest.mark.parametrize("name", [n for n, r in RECIPES.items() if isinstance(r, MultiStageRecipe)])
def test_map_is_read_literally_and_nothing_is_done_to_the_mask(name):
    recipe = RECIPES[name]
    found = recipe.localisation
    assert (found.evidence, found.percentile, found.threshold) == ("map", 99.5, 0.4)
    assert (found.component, found.centre, found.margin_mm) == ("largest", "centroid", 0)
    assert not recipe.postprocessing.largest_component
    assert recipe.fold is None, "the study says which"


@pytest.mark.parametrize("name", [n for n, r in RECIPES.items() if isinstance(r, EndToEndRecipe)])
def test_end_to_end_is_the_product_and_the_plain_sum_of_losses(name):
    first = RECIPES[name].first
    fuse = name.rpartition("-")[2]
    assert first.fuse == (fuse if fuse in ("add", "concat") else "multiply")
    assert first.coarse_weight == 1
    assert first.downsample == ((1, 2, 2) if name.startswith("acdc") else (2, 2, 2))


def settings_of(name):
    """All that is trained: everything but name, title and where the regions of test cases come from."""
    return RECIPES[name].model_dump(exclude={"name", "title", "regions_at_test"})


@pytest.mark.parametrize(
    ("name", "base", "regions"),
    [
        ("acdc-localisation-decoder2", "acdc-multi-stage-keep-z", {"layer": "decoder2"}),
        ("acdc-localisation-bottleneck", "acdc-multi-stage-keep-z", {"layer": "bottleneck"}),
        ("acdc-localisation-soft-argmax", "acdc-multi-stage-keep-z", {"evidence": "soft_argmax"}),
        ("acdc-localisation-coarse-mask", "acdc-multi-stage-keep-z", {"evidence": "coarse_mask"}),
        ("acdc-multi-stage-keep-z-oracle", "acdc-multi-stage-keep-z", {"evidence": "truth"}),
        ("lasc-multi-stage-oracle", "lasc-multi-stage", {"evidence": "truth"}),
    ],
)
def test_rows_of_localisation_train_the_networks_of_another_row(name, base, regions):
    assert settings_of(name) == settings_of(base)
    assert RECIPES[name].regions_at_test.model_dump(exclude_defaults=True) == regions
    assert RECIPES[base].regions_at_test.model_dump(exclude_defaults=True) == {}
    assert RECIPES[name].sha256 != RECIPES[base].sha256, "their results are their own"


def test_no_two_recipes_say_the_same():
    assert len({recipe.sha256 for recipe in RECIPES.values()}) == len(RECIPES)
    assert {recipe.seed for recipe in RECIPES.values()} == {0}
