"""A recipe at another scale: every grid coarser, every network narrower, one way of training for all rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt

from septum.methods.mask_rcnn_settings import MaskRCNNSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Networks pool up to three times, so that the sizes of their grids along each axis are multiples of this.
MULTIPLE = 8


class Scale(BaseModel):
    """What a study changes in every recipe of one data set.

    Attributes:
        coarser: factor (Z, Y, X) by which the voxels of every grid grow and its sizes shrink; sizes are
            rounded up to multiples of ``MULTIPLE``.
        native_mm: spacing (Z, in plane) of recipes that leave the images' own.
        most_filters: networks with more initial filters get this many; ``None`` leaves them.
        optimisation: settings of :class:`septum.methods.settings.OptimisationSettings`, the same for every
            network of the data set.
        localiser_fold_epochs: of the localisers that make the regions for training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    coarser: tuple[PositiveInt, PositiveInt, PositiveInt]
    native_mm: tuple[PositiveFloat, PositiveFloat] | None = None
    most_filters: int | None = Field(default=None, ge=1)
    optimisation: dict[str, float | int | str | bool] = Field(default_factory=dict)
    localiser_fold_epochs: int | None = Field(default=None, ge=1)

    def filters(self, filters: int) -> int:
        """Initial filters of a network that has so many at full scale."""
        return filters if self.most_filters is None else min(filters, self.most_filters)

    def sizes(self, sizes: list[int]) -> list[int]:
        """Voxels along the last ``len(sizes)`` axes of (Z, Y, X), for so many at full scale."""
        steps = [factor * MULTIPLE for factor in self.coarser[-len(sizes) :]]
        return [-(-size // step) * MULTIPLE for size, step in zip(sizes, steps, strict=True)]


def rescale(
    settings: dict[str, Any], scales: Mapping[str, Scale], dataset: str | None = None
) -> dict[str, Any]:
    """Give the settings of a recipe at the scale of its data set.

    Args:
        settings: of a recipe, as :func:`septum.training.recipe_file.read_settings` gives them, or of a table
            in it.
        scales: by data set. A training on another data set, from which a recipe transfers its weights, takes
            that one's scale. Data sets that are not there stay as they are.
        dataset: of the table around these settings.

    Returns:
        settings of a recipe, unchecked; those given are not changed.

    >>> scale = Scale(coarser=(1, 2, 2), most_filters=8)
    >>> stage = {"network": {"filters": 32}, "preprocessing": {"in_plane_mm": 1.25}}
    >>> rescale({"dataset": "acdc", "segmenter": stage}, {"acdc": scale})["segmenter"]
    {'network': {'filters': 8}, 'preprocessing': {'in_plane_mm': 2.5}}
    """
    dataset = settings.get("dataset", dataset)
    inner = {
        key: rescale(value, scales, dataset) if isinstance(value, dict) else value
        for key, value in settings.items()
    }
    scale = scales.get(str(dataset))
    return inner if scale is None else inner | dict(_changes(inner, scale))


def _changes(table: dict[str, Any], scale: Scale) -> Iterator[tuple[str, Any]]:
    """What the scale changes in one table of settings, whatever table it is."""
    for key, value in table.items():
        if key == "filters":
            yield key, scale.filters(value)
        elif key in {"size", "fixed"} and value:
            yield key, scale.sizes(value)
        elif key == "preprocessing":
            yield key, _coarser_grid(value, scale)
        elif key == "optimisation":
            yield key, value | scale.optimisation
        elif key == "mask_rcnn":
            anchors = MaskRCNNSettings.model_validate(value).anchor_sizes
            yield key, value | {"anchor_sizes": [side // scale.coarser[-1] for side in anchors]}
        elif key == "localiser_fold_epochs" and scale.localiser_fold_epochs is not None:
            yield key, scale.localiser_fold_epochs


def _coarser_grid(preprocessing: dict[str, Any], scale: Scale) -> dict[str, Any]:
    """Preprocessing on a grid of larger voxels; its size has been changed already."""
    keys = ("slice_mm", "in_plane_mm")
    spacing = dict(zip(keys, scale.native_mm or (), strict=False))
    spacing |= {key: preprocessing[key] for key in keys if key in preprocessing}
    factors = dict(zip(keys, scale.coarser, strict=False))
    return preprocessing | {key: mm * factors[key] for key, mm in spacing.items()}
