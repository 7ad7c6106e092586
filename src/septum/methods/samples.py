"""Labelled cases on a network's grid, and the random patches that training sees of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from septum.augmentation import (
    AugmentationSettings,
    Pack,
    change_intensities,
    change_intensity,
    common_slices,
    draw_intensity,
    draw_spatial,
    read_patch,
    read_patches,
)
from septum.core import Geometry, RecipeError, Region, Volume
from septum.io import read_mask, read_study
from septum.preprocessing import Orientation, prepare, prepare_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from septum.datasets import Case, Dataset
    from septum.methods.settings import TrainingSettings
    from septum.preprocessing import PreprocessingSettings


#: In mm, and for directions: by so much the headers of an image and its mask may differ.
GRID_TOLERANCE = 1e-3


@dataclass(frozen=True)
class NativeCase:
    """One labelled case as read, slices first.

    Attributes:
        case: where it comes from.
        volume: image, native grid.
        labels: (Z, Y, X) uint8 on the same grid, values as in the data set's schema.
    """

    case: Case
    volume: Volume
    labels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


@dataclass(frozen=True)
class PreparedCase:
    """One labelled case on a network's grid.

    Attributes:
        name: of the case.
        patient: whose image it is.
        geometry: grid of both tensors.
        image: (Z, Y, X) float32, normalised over the volume.
        classes: (Z, Y, X) uint8, 0 background, then the schema's structures in channel order.
        content: hash of the files and settings that it was prepared from; empty if it was not asked for.
    """

    name: str
    patient: str
    geometry: Geometry
    image: Tensor
    classes: Tensor
    content: str = ""

    def on(self, device: torch.device) -> PreparedCase:
        """The same case with its tensors on a device."""
        return replace(self, image=self.image.to(device), classes=self.classes.to(device))


def read_case(case: Case, dataset: Dataset) -> NativeCase:
    """Read image and mask and bring the slices to the front.

    Raises:
        RecipeError: the image has several frames, image and mask do not lie on one grid, or the mask has a
            value that means nothing.
    """
    study, mask = read_study(case.image), read_mask(case.mask)
    if len(study.cine) != 1:
        raise RecipeError(
            f"{case.image}: expected a single volume, got a cine of {len(study.cine)} frames; give each "
            "labelled frame as a case of its own."
        )
    if study.cine.array.shape != mask.cine.array.shape:
        raise RecipeError(
            f"{case.mask}: expected the shape of its image, {study.cine.array.shape}, "
            f"got {mask.cine.array.shape}; restore the file."
        )
    if not _same_grid(study.cine.geometry, mask.cine.geometry):
        raise RecipeError(
            f"{case.mask}: expected the spacing, {study.cine.geometry.spacing_mm} mm, origin and directions "
            f"of its image, got another grid with {mask.cine.geometry.spacing_mm} mm; restore the file."
        )
    orientation = Orientation.of(study.cine.geometry)
    labels = orientation.apply(mask.cine.array[0])
    mapped = np.zeros(labels.shape, dtype=np.uint8)
    values = dataset.mask_values or {v: v for v in dataset.schema.values}
    unknown = sorted(set(np.unique(labels).tolist()) - {0, *values})
    if unknown:
        raise RecipeError(
            f"{case.mask}: expected the values {sorted({0, *values})}, got {unknown[:3]}, too; restore the "
            "file."
        )
    for found, meant in values.items():
        mapped[labels == found] = meant
    volume = Volume(orientation.apply(study.cine.array[0]), study.cine.geometry.permuted(orientation.axes))
    return NativeCase(case, volume, mapped)


def _same_grid(ours: Geometry, theirs: Geometry) -> bool:
    """Whether two grids of one shape are the same, up to what a header's rounding explains."""
    return (
        np.allclose(ours.spacing_mm, theirs.spacing_mm, rtol=0, atol=GRID_TOLERANCE)
        and np.allclose(ours.origin_mm, theirs.origin_mm, rtol=0, atol=GRID_TOLERANCE)
        and np.allclose(ours.direction, theirs.direction, rtol=0, atol=GRID_TOLERANCE)
    )


def prepare_case(
    native: NativeCase, values: tuple[int, ...], settings: PreprocessingSettings
) -> PreparedCase:
    """Bring one case to a network's grid; ``values`` are the mask values in channel order."""
    prepared = prepare(native.volume, settings)
    on_grid = prepare_labels(native.labels, values, native.volume.geometry, settings)
    classes = np.zeros(on_grid.shape, dtype=np.uint8)
    for channel, value in enumerate(values, start=1):
        classes[on_grid == value] = channel
    return PreparedCase(
        native.case.name,
        native.case.patient,
        prepared.geometry,
        torch.from_numpy(np.ascontiguousarray(prepared.array)),
        torch.from_numpy(classes),
    )


class PatchSampler:
    """Random patches of prepared cases about given centres.

    Args:
        cases: to draw from.
        centres: name of a case to the in-plane centre (y, x) of its region, in voxels of the case's grid; a
            case without one is centred on the middle of its image.
        settings: of the stage.
    """

    def __init__(
        self,
        cases: Iterable[PreparedCase],
        centres: Mapping[str, tuple[float, float]],
        settings: TrainingSettings,
    ) -> None:
        self.cases = list(cases)
        self.centres = centres
        self.settings = settings
        self._pack: tuple[Pack, dict[str, int]] | None = None

    def order(self, count: int, rng: np.random.Generator) -> list[PreparedCase]:
        """``count`` cases such that none comes a second time before all others came once."""
        chosen: list[int] = []
        while len(chosen) < count:
            chosen.extend(rng.permutation(len(self.cases)).tolist())
        return [self.cases[i] for i in chosen[:count]]

    def step(
        self, cases: Sequence[PreparedCase], rng: np.random.Generator, device: torch.device
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The samples of one optimiser step: one by one, or stacked where the settings say so.

        Yields:
            Images (N, 1, Z, y, x) and classes (N, Z, y, x); N is 1, or the number of cases.

        Raises:
            RecipeError: samples that are to be stacked have no common size.
        """
        if not self.settings.optimisation.stacked:
            for case in cases:
                yield self.sample(case, rng, device)
        elif self.settings.augmentation == AugmentationSettings():
            yield _stacked([self.sample(case, rng, device) for case in cases])
        else:
            yield self._batch(cases, rng, device)

    def _batch(
        self, cases: Sequence[PreparedCase], rng: np.random.Generator, device: torch.device
    ) -> tuple[Tensor, Tensor]:
        """Augmented patches together, each cut to as many slices as the one with the fewest has."""
        if self._pack is None:
            pack = Pack.of([c.image for c in self.cases], [c.classes for c in self.cases], device)
            self._pack = pack, {case.name: number for number, case in enumerate(self.cases)}
        pack, numbers = self._pack
        settings = self.settings.augmentation
        depths = [case.geometry.shape[0] for case in cases]
        centres = [self._drawn_centre(case, rng) for case in cases]
        draws = [
            draw_spatial(settings, depth, case.geometry.spacing_mm[1], rng)
            for case, depth in zip(cases, depths, strict=True)
        ]
        intensities = [draw_intensity(settings, rng) for _ in cases]
        slices = common_slices(draws, depths, rng)
        own = [numbers[case.name] for case in cases]
        images, classes = read_patches(pack, own, slices, centres, self.settings.patch.size, draws)
        return self._normalised(change_intensities(images, intensities))[:, None], classes

    def sample(
        self, case: PreparedCase, rng: np.random.Generator, device: torch.device
    ) -> tuple[Tensor, Tensor]:
        """One augmented patch: image (1, 1, Z, y, x) and classes (1, Z, y, x).

        Without augmentation it is cut as the product cuts a region: whole voxels, moved into the image.
        """
        settings, size = self.settings.augmentation, self.settings.patch.size
        centre = self._drawn_centre(case, rng)
        if settings == AugmentationSettings():
            return self._cut(case, centre, device)
        draw = draw_spatial(settings, case.geometry.shape[0], case.geometry.spacing_mm[1], rng)
        intensity = draw_intensity(settings, rng)
        image, classes = read_patch(case.image.to(device), case.classes.to(device), centre, size, draw)
        return self._normalised(change_intensity(image, intensity)[None])[:, None], classes[None]

    def centred(self, case: PreparedCase, device: torch.device) -> tuple[Tensor, Tensor]:
        """The patch that the product would cut, for validation; shapes as in :meth:`sample`."""
        return self._cut(case, self._middle(case), device)

    def _drawn_centre(self, case: PreparedCase, rng: np.random.Generator) -> tuple[float, float]:
        jitter_mm = self.settings.patch.jitter_mm
        jitter = rng.uniform(-jitter_mm, jitter_mm, 2) / case.geometry.spacing_mm[1]
        middle = self._middle(case)
        return (middle[0] + float(jitter[0]), middle[1] + float(jitter[1]))

    def _middle(self, case: PreparedCase) -> tuple[float, float]:
        _, height, width = case.geometry.shape
        return self.centres.get(case.name, ((height - 1) / 2, (width - 1) / 2))

    def _cut(
        self, case: PreparedCase, centre: tuple[float, float], device: torch.device
    ) -> tuple[Tensor, Tensor]:
        shape = case.geometry.shape
        size = (shape[0], *self.settings.patch.size)
        region = Region.around(((shape[0] - 1) / 2, *centre), size).shifted_inside(shape)
        image, classes = (_crop(x.to(device), region) for x in (case.image, case.classes))
        return self._normalised(image[None])[:, None], classes[None]

    def _normalised(self, images: Tensor) -> Tensor:
        """Images (N, Z, Y, X), each as the stage's settings want it."""
        if self.settings.preprocessing.normalise == "region":
            axes = (1, 2, 3)
            mean, deviation = images.mean(axes, keepdim=True), images.std(axes, keepdim=True)
            return (images - mean) / deviation.clamp_min(1e-6)
        return images


def _stacked(samples: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    images, classes = zip(*samples, strict=True)
    sizes = {tuple(image.shape[2:]) for image in images}
    if len(sizes) > 1:
        raise RecipeError(
            f"stacked = true: without augmentation, samples of one step must have one size (Z, Y, X), got "
            f"{sorted(sizes)}; fix it by preprocessing.size, or leave stacked out."
        )
    return torch.cat(images), torch.cat(classes)


def _crop(array: Tensor, region: Region) -> Tensor:
    """What :meth:`Region.crop` does, for a tensor (Z, Y, X)."""
    low = [max(a, 0) for a in region.start]
    high = [min(b, n) for b, n in zip(region.stop, array.shape, strict=True)]
    inside = array[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    ends = zip(region.start, region.stop, array.shape, strict=True)
    padding = [n for a, b, size in reversed(list(ends)) for n in (max(-a, 0), max(b - size, 0))]
    return F.pad(inside, padding) if any(padding) else inside
