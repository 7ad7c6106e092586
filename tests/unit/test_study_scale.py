"""The study at half the resolution: the rows of the paper's study, each changed alike."""

import pytest

from septum.core import RecipeError
from septum_study.bench import recipe_of
from septum_study.declaration import load_study
from septum_study.row_results import RowResults
from septum_study.scale import Scale, rescale
from septum_study.score_tables import score_table


@pytest.fixture(scope="module")
def half():
    return load_study("half")


@pytest.fixture(scope="module")
def pairs(half):
    """Each row's recipe at half and at full scale."""
    paper = load_study("paper")
    return {row.key: (recipe_of(half, row.key), recipe_of(paper, row.key)) for row in paper.rows}


def stages(recipe):
    transfer = getattr(getattr(recipe, "refinements", None), "transfer", None)
    found = [recipe.segmenter, getattr(recipe, "localiser", None), transfer and transfer.training]
    return [stage for stage in found if stage]


def test_the_half_study_has_every_row_of_the_paper_and_one_at_a_finer_scale(half, pairs):
    assert {row.key for row in half.rows} == {*pairs, "acdc-multi-stage-keep-z-fine"}
    fine, coarse = (
        recipe_of(half, key) for key in ("acdc-multi-stage-keep-z-fine", "acdc-multi-stage-keep-z")
    )
    assert fine.localiser == coarse.localiser
    assert fine.segmenter.optimisation == coarse.segmenter.optimisation
    assert fine.localiser_fold_epochs == coarse.localiser_fold_epochs
    assert (fine.segmenter.preprocessing.in_plane_mm, coarse.segmenter.preprocessing.in_plane_mm) == (
        1.25,
        2.5,
    )


def test_all_networks_of_a_data_set_are_trained_alike(half, pairs):
    for data in ("acdc", "lasc"):
        mine = [recipe for recipe, _ in pairs.values() if recipe.dataset == data]
        ways = {str(stage.optimisation) for recipe in mine for stage in stages(recipe)[:2]}
        assert len(ways) == 1
        way = mine[0].segmenter.optimisation.model_dump() | {"patience": 0}
        assert half.scales[data].optimisation.items() <= way.items()


def test_an_epoch_still_shows_each_volume_once(pairs):
    for recipe, full in pairs.values():
        samples = [
            s.optimisation.batch * s.optimisation.steps_per_epoch for s in (recipe.segmenter, full.segmenter)
        ]
        assert samples[0] == samples[1]


def test_each_grid_covers_the_same_millimetres_with_voxels_twice_as_large(pairs):
    for key, (recipe, full) in pairs.items():
        for mine, theirs in zip(stages(recipe), stages(full), strict=True):
            at_full = theirs.preprocessing.in_plane_mm or 0.625
            assert mine.preprocessing.in_plane_mm == 2 * at_full, key
            for one, other in zip(mine.patch.size, theirs.patch.size, strict=True):
                assert 0 <= 2 * one - other <= 8, "rounded up to what three poolings divide"
                assert one % 8 == 0


def test_networks_have_eight_filters_on_acdc_and_their_own_on_lasc(pairs):
    for recipe, full in pairs.values():
        if recipe.method == "mask_rcnn":
            assert recipe.mask_rcnn.anchor_sizes == tuple(s // 2 for s in full.mask_rcnn.anchor_sizes)
            continue
        most = 8 if recipe.dataset == "acdc" else full.segmenter.network.filters
        assert recipe.segmenter.network.filters == most
        same = {"network": {"filters"}, "preprocessing": ..., "patch": ..., "optimisation": ...}
        assert recipe.segmenter.model_dump(exclude=same) == full.segmenter.model_dump(exclude=same)


def test_a_transfer_takes_the_scale_of_the_data_that_it_comes_from():
    scales = {"acdc": Scale(coarser=(1, 2, 2)), "lasc": Scale(coarser=(2, 2, 2), native_mm=(0.625, 0.625))}
    grid = {"size": [16, 64, 64]}
    recipe = {
        "dataset": "lasc",
        "a": {"preprocessing": grid},
        "b": {"dataset": "acdc", "preprocessing": grid},
    }
    changed = rescale(recipe, scales)
    assert changed["a"]["preprocessing"] == {"size": [8, 32, 32], "slice_mm": 1.25, "in_plane_mm": 1.25}
    assert changed["b"]["preprocessing"] == {"size": [16, 32, 32]}
    assert recipe["a"]["preprocessing"] == {"size": [16, 64, 64]}, "what was given is as it was"


def test_a_study_at_another_scale_shows_no_differences_from_published_values(half):
    found = {row.key: RowResults(row, {}, {}) for row in half.rows}
    table = score_table(half, "3", found, by_structure=False)
    heads = [column.heading for column in table.columns]
    assert "HD, study's grid: published" in heads
    assert not [head for head in heads if "difference" in head or "less published" in head]


def test_a_study_that_extends_none_that_is_declared_is_refused(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('extends = "papre"\nname = "mine"\n')
    with pytest.raises(RecipeError, match=r"mine\.toml.*extends.*paper"):
        load_study(str(file))
