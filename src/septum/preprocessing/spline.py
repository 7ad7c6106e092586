"""Preparation of images as nnU-Net has it: cropped to what is not zero, normalised, resampled by splines.

Source: Isensee et al., nnU-Net, Nature Methods 18, 2021, and its program of version 2: an image whose slices
are far apart is resampled in each slice first, and then across slices.

scipy and scikit-image do the work, as in nnU-Net, and are loaded when there is some: models of the other kind
do without.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from septum.core import Region

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Slices are resampled for themselves where the largest spacing is more than so many times the smallest.
ANISOTROPY = 3.0
#: No image is divided by less.
_LEAST_DEVIATION = 1e-8

Triple = tuple[float, float, float]
Shape = tuple[int, int, int]


class Interpolation(BaseModel):
    """By which splines something is resampled.

    Attributes:
        order: of the splines.
        order_across: across slices, where slices are resampled for themselves.
        slice_by_slice: whether they are; ``None``: where they are far apart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    order: int = Field(ge=0, le=5)
    order_across: int = Field(default=0, ge=0, le=5)
    slice_by_slice: bool | None = None


class IntensityRange(BaseModel):
    """Foreground intensities of the training images, by which an image of fixed units is normalised."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: float
    std: float
    low: float
    high: float


class SplineSettings(BaseModel):
    """How an image becomes what a network sees, and its logits what they are on the image.

    Attributes:
        spacing_mm: of the network's grid along (Z, Y, X), in mm; ``None`` keeps the slices as they are.
        normalise: to mean 0 and standard deviation 1 over the ``volume`` or over what is ``nonzero``; by the
            ``range`` of training images; to 0 to 1 by its own ``extremes``; or ``none``.
        intensities: for ``range``.
        image, logits: how each is resampled.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    spacing_mm: tuple[float | None, float, float]
    normalise: Literal["volume", "nonzero", "range", "extremes", "none"] = "volume"
    intensities: IntensityRange | None = None
    image: Interpolation = Interpolation(order=3)
    logits: Interpolation = Interpolation(order=1)

    @model_validator(mode="after")
    def _has_its_range(self) -> SplineSettings:
        if self.normalise == "range" and self.intensities is None:
            raise ValueError("normalise: 'range' needs intensities")
        if not all(v is None or v > 0 for v in self.spacing_mm):
            raise ValueError(f"spacing_mm: expected positive numbers, got {self.spacing_mm}")
        return self

    def spacing_of(self, native_mm: Triple) -> Triple:
        """The spacing of the network's grid for an image of this spacing, both (Z, Y, X) in mm."""
        z, y, x = self.spacing_mm
        return (native_mm[0] if z is None else z, y, x)


@dataclass(frozen=True)
class Prepared:
    """An image as a network sees it.

    Attributes:
        array: (Z, Y, X), float32.
        spacing_mm: of its grid.
        box: of the image that it was cropped to.
        native_mm: spacing of the image.
    """

    array: NDArray[np.float32]
    spacing_mm: Triple
    box: Region
    native_mm: Triple


def prepare_by_splines(image: NDArray[Any], native_mm: Triple, settings: SplineSettings) -> Prepared:
    """Crop an image to what is not zero, normalise and resample it.

    Args:
        image: (Z, Y, X), slices first.
        native_mm: its spacing.
        settings: of the network.
    """
    array = np.asarray(image, np.float32)
    inside = _filled(array != 0)
    box = Region.bounding(inside) or Region.whole(_shape(array))
    part = np.array(box.crop(array))
    _normalise(part, box.crop(inside), settings)
    spacing_mm = settings.spacing_of(native_mm)
    sizes = zip(part.shape, native_mm, spacing_mm, strict=True)
    z, y, x = (round(old / new * count) for count, old, new in sizes)
    (resampled,) = resample_by_splines(part[None], (z, y, x), native_mm, spacing_mm, settings.image)
    return Prepared(resampled, spacing_mm, box, native_mm)


def logits_on_image(
    logits: NDArray[np.float16], prepared: Prepared, settings: SplineSettings
) -> NDArray[np.float16]:
    """Bring logits (K, Z, Y, X) back to the grid of the image, within the box it was cropped to."""
    return resample_by_splines(
        logits, prepared.box.size, prepared.spacing_mm, prepared.native_mm, settings.logits
    )


def resample_by_splines(
    array: NDArray[Any], shape: Shape, spacing_mm: Triple, target_mm: Triple, how: Interpolation
) -> NDArray[Any]:
    """Resample each channel to a shape: the same field of view by other voxels.

    Args:
        array: (K, Z, Y, X); its type is kept.
        shape: of the result.
        spacing_mm: of the array.
        target_mm: of the result.
        how: order of the splines.
    """
    if array.shape[1:] == tuple(shape):
        return array
    out = np.empty((len(array), *shape), array.dtype)
    axis = _slice_axis(spacing_mm, target_mm, how)
    for k, channel in enumerate(array.astype(np.float64)):
        if axis is None:
            out[k] = _resized(channel, shape, how.order)
        else:
            out[k] = _slice_by_slice(channel, shape, axis, how)
    return out


def _slice_by_slice(
    channel: NDArray[np.float64], shape: Shape, axis: int, how: Interpolation
) -> NDArray[np.float64]:
    """Resample within slices, then across them."""
    from scipy.ndimage import map_coordinates  # noqa: PLC0415  # see above

    within = tuple(count for a, count in enumerate(shape) if a != axis)
    slices = [_resized(one, within, how.order) for one in np.moveaxis(channel, axis, 0)]
    stack = np.moveaxis(np.stack(slices), 0, axis)
    if stack.shape == tuple(shape):
        return stack
    places = [np.arange(count, dtype=np.float64) for count in shape]
    scale = stack.shape[axis] / shape[axis]
    places[axis] = scale * (places[axis] + 0.5) - 0.5
    grid = np.meshgrid(*places, indexing="ij")
    return map_coordinates(stack, grid, order=how.order_across, mode="nearest")


def _resized(image: NDArray[np.float64], shape: tuple[int, ...], order: int) -> NDArray[np.float64]:
    """Resample an image of two or three axes, its border values beyond it."""
    from skimage.transform import resize  # noqa: PLC0415  # see above

    how = {"order": order, "mode": "edge", "anti_aliasing": False}
    out: NDArray[np.float64] = resize(image, shape, **how)  # type: ignore[no-untyped-call]
    return out


def _slice_axis(spacing_mm: Triple, target_mm: Triple, how: Interpolation) -> int | None:
    """The axis across slices that are resampled for themselves; ``None`` where there is none."""
    if how.slice_by_slice is False:
        return None
    for one in (spacing_mm, target_mm):
        if how.slice_by_slice or max(one) / min(one) > ANISOTROPY:
            across = [axis for axis, value in enumerate(one) if value == max(one)]
            return across[0] if len(across) == 1 else None
    return None


def _normalise(part: NDArray[np.float32], inside: NDArray[np.bool_], settings: SplineSettings) -> None:
    """Normalise, in place."""
    if settings.normalise == "volume":
        mean, deviation = part.mean(), part.std()
        part -= mean
        part /= max(deviation, _LEAST_DEVIATION)
    elif settings.normalise == "nonzero":
        values = part[inside]
        if values.size:
            part[inside] = (values - values.mean()) / max(values.std(), _LEAST_DEVIATION)
    elif settings.normalise == "range" and settings.intensities is not None:
        known = settings.intensities
        np.clip(part, known.low, known.high, out=part)
        part -= known.mean
        part /= max(known.std, _LEAST_DEVIATION)
    elif settings.normalise == "extremes":
        part -= part.min()
        part /= max(part.max(), _LEAST_DEVIATION)


def _filled(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if mask.all():
        return mask
    from scipy.ndimage import binary_fill_holes  # noqa: PLC0415  # see above

    filled: NDArray[np.bool_] = binary_fill_holes(mask)
    return filled


def _shape(array: NDArray[Any]) -> Shape:
    z, y, x = array.shape
    return (z, y, x)
