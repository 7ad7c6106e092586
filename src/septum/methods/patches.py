"""The random patches that training sees of prepared cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from septum.core import RecipeError, Region

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy as np

    from septum.methods.samples import PreparedCase
    from septum.methods.settings import TrainingSettings

#: So many batches are made of a group of cases in which those of like numbers of slices are put together.
BATCHES_OF_A_GROUP = 8
#: Of augmentation: no sample loses slices of its own; those of a batch are removed together.
ALL_SLICES = {"missing_slices_probability": 0.0, "skipped_slices_probability": 0.0}


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
        """``count`` cases such that none comes a second time before all others came once.

        Where the samples of a step are cut to one number of slices, those of like numbers come together, so
        that little is cut off; which of them come first stays random.
        """
        chosen: list[int] = []
        while len(chosen) < count:
            chosen.extend(rng.permutation(len(self.cases)).tolist())
        cases = [self.cases[i] for i in chosen[:count]]
        return self._by_depth(cases, rng) if self._cuts_slices else cases

    @property
    def _cuts_slices(self) -> bool:
        """Whether the samples of a step are cut to the fewest slices among them."""
        return self.settings.optimisation.stacked and self.settings.augmentation != AugmentationSettings()

    def _by_depth(self, cases: list[PreparedCase], rng: np.random.Generator) -> list[PreparedCase]:
        """The same cases, group by group dealt into batches of like numbers of slices in random order."""
        batch = self.settings.optimisation.batch
        ordered: list[PreparedCase] = []
        for start in range(0, len(cases), batch * BATCHES_OF_A_GROUP):
            group = sorted(
                cases[start : start + batch * BATCHES_OF_A_GROUP], key=lambda case: case.geometry.shape[0]
            )
            batches = [group[i : i + batch] for i in range(0, len(group), batch)]
            whole, rest = [b for b in batches if len(b) == batch], [b for b in batches if len(b) < batch]
            dealt = [whole[i] for i in rng.permutation(len(whole))]
            ordered += [case for one in (*dealt, *rest) for case in one]
        return ordered

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
        elif self._cuts_slices:
            yield self._batch(cases, rng, device)
        else:
            yield _stacked([self.sample(case, rng, device) for case in cases])

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
            draw_spatial(settings.model_copy(update=ALL_SLICES), depth, case.geometry.spacing_mm[1], rng)
            for case, depth in zip(cases, depths, strict=True)
        ]
        intensities = [draw_intensity(settings, rng) for _ in cases]
        slices = common_slices(draws, depths, settings, rng)
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
