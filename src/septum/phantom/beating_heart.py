"""The phantom: a cine that looks like a patient's, and the truth that no patient has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from septum.core.geometry import Geometry
from septum.core.images import Cine, Segmentation
from septum.core.labels import VENTRICLES
from septum.phantom import beat
from septum.phantom.acquisition import coil_shading, magnitude_image
from septum.phantom.build import Build, Points
from septum.phantom.heart import COAT_MM, RV_WALL_MM, HeartTissue
from septum.phantom.settings import PhantomSettings
from septum.phantom.shape import HeartShape, volumes_ml
from septum.phantom.thorax import Thorax

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

#: Samples of a voxel along (Z, Y, X): thick slices average over what they cut through.
SAMPLES = (3, 2, 2)

#: Array axes as in the files of ACDC: an identity affine in NIfTI's own (RAS) axes.
_DIRECTION = ((0.0, 0.0, -1.0), (0.0, -1.0, 0.0), (1.0, 0.0, 0.0))


@dataclass(frozen=True)
class Phantom:
    """A synthetic study.

    Attributes:
        cine: the image, (T, Z, Y, X), float32 with whole values from 0 to about 2000.
        truth: label of the analytic heart at the centre of each voxel; papillary muscles and
            trabeculae count as cavity, and above the base all is background.
        volumes_ml: analytic volume of each structure in each frame, in ml.
        end_diastole, end_systole: frame numbers from 0.
        settings: what was asked for.
    """

    cine: Cine
    truth: Segmentation
    volumes_ml: Mapping[str, tuple[float, ...]]
    end_diastole: int
    end_systole: int
    settings: PhantomSettings


@dataclass(frozen=True)
class _Pose:
    """Where the heart lies in the image.

    Attributes:
        x_mm, y_mm: the LV axis in the first slice, from the centre of the first voxel.
        septum: direction from the axis to the septum, in radians from left to up.
    """

    x_mm: float
    y_mm: float
    septum: float

    def to_heart(self, x_mm: Floats, y_mm: Floats) -> tuple[Floats, Floats]:
        """Heart coordinates (x, y) of places given from the LV axis, to the right and downwards."""
        cosine, sine = np.float32(np.cos(self.septum)), np.float32(np.sin(self.septum))
        return -cosine * x_mm - sine * y_mm, sine * x_mm - cosine * y_mm


def beating_heart(rng: np.random.Generator, settings: PhantomSettings | None = None) -> Phantom:
    """Make a synthetic short-axis cine with its truth.

    The same generator state and settings give the same phantom, bit by bit.

    Args:
        rng: draws the heart's outline and place, the chest around it, and the noise.
        settings: sizes, volumes and noise; a healthy adult by default.
    """
    settings = settings or PhantomSettings()
    pose, build = _draw_pose(settings, rng), Build.draw(rng)
    contraction = beat.contraction(settings.frames)
    shapes = [HeartShape.at(float(c), build, settings) for c in contraction]
    geometry = Geometry(
        shape=(settings.slices, *settings.matrix),
        spacing_mm=(settings.slice_spacing_mm, settings.in_plane_mm, settings.in_plane_mm),
        direction=_DIRECTION,
    )
    volumes = [volumes_ml(float(c), settings) for c in contraction]
    return Phantom(
        cine=Cine(
            array=_image(shapes, pose, settings, rng),
            geometry=geometry,
            frame_interval_ms=60_000.0 / settings.heart_rate_bpm / settings.frames,
        ),
        truth=Segmentation(_truth(shapes, pose, settings), geometry, VENTRICLES),
        volumes_ml={name: tuple(v[name] for v in volumes) for name in VENTRICLES.names},
        end_diastole=0,
        end_systole=beat.end_systole(settings.frames),
        settings=settings,
    )


def _draw_pose(settings: PhantomSettings, rng: np.random.Generator) -> _Pose:
    """The ventricles' middle near the image's middle, as a scanner's operator would place it."""
    septum = float(np.radians(settings.septum_degrees + rng.uniform(-12.0, 12.0)))
    height, width = (n * settings.in_plane_mm for n in settings.matrix)
    shift_x, shift_y = rng.uniform(-10.0, 10.0), rng.uniform(-6.0, 6.0)
    return _Pose(
        x_mm=float(width / 2.0 + 16.0 * np.cos(septum) + shift_x),
        y_mm=float(height / 2.0 + 10.0 * np.sin(septum) - 8.0 + shift_y),
        septum=septum,
    )


def _axes_mm(settings: PhantomSettings, pose: _Pose, samples: int) -> tuple[Floats, Floats]:
    """Compute places (x, y) of the samples in plane, in mm from the LV axis, each (Y * samples, X * samples).

    Args:
        settings: matrix and voxel size.
        pose: where the LV axis lies in the image.
        samples: of a voxel along each axis.
    """
    ny, nx = settings.matrix
    offset = (np.arange(samples) + 0.5) / samples - 0.5
    y = (np.arange(ny)[:, None] + offset).ravel() * settings.in_plane_mm - pose.y_mm
    x = (np.arange(nx)[:, None] + offset).ravel() * settings.in_plane_mm - pose.x_mm
    grid_y, grid_x = np.meshgrid(y.astype(np.float32), x.astype(np.float32), indexing="ij")
    return grid_x, grid_y


def _truth(shapes: list[HeartShape], pose: _Pose, settings: PhantomSettings) -> NDArray[np.uint8]:
    """Labels at voxel centres, (T, Z, Y, X)."""
    x, y = pose.to_heart(*_axes_mm(settings, pose, 1))
    near = np.hypot(x, y) < _reach_mm(shapes)
    labels = np.zeros((len(shapes), settings.slices, *settings.matrix), np.uint8)
    for k in range(settings.slices):
        z = np.full(int(near.sum()), k * settings.slice_spacing_mm, np.float32)
        points = Points.at(x[near], y[near], z, shapes[0].build)
        for t, shape in enumerate(shapes):
            labels[t, k, near] = shape.labels(points)
    return labels


def _image(
    shapes: list[HeartShape], pose: _Pose, settings: PhantomSettings, rng: np.random.Generator
) -> Floats:
    """The cine, (T, Z, Y, X)."""
    build = shapes[0].build
    thorax, heart = Thorax.draw(rng), HeartTissue.draw(build, shapes[0].lv_radius_mm, rng)
    fine_x, fine_y = _axes_mm(settings, pose, SAMPLES[1])
    shading = coil_shading(*_axes_mm(settings, pose, 1), rng)
    hx, hy = pose.to_heart(fine_x, fine_y)
    near = np.hypot(hx, hy) < _reach_mm(shapes)
    voxel = _voxel_of_sample(settings)[near]
    voxels = settings.matrix[0] * settings.matrix[1]
    signal = np.empty((len(shapes), settings.slices, *settings.matrix), np.float32)
    extent = max(1.0, shapes[0].epi_length_mm)
    for k in range(settings.slices):
        towards_apex = (k * settings.slice_spacing_mm - shapes[0].base_mm) / extent
        behind = thorax.paint(fine_x, fine_y, float(np.clip(towards_apex, 0.0, 1.1)))
        still = _voxel_means(behind)
        depths = ((np.arange(SAMPLES[0]) + 0.5) / SAMPLES[0] - 0.5) * settings.slice_thickness_mm
        z = np.repeat((k * settings.slice_spacing_mm + depths).astype(np.float32), int(near.sum()))
        points = Points.at(np.tile(hx[near], SAMPLES[0]), np.tile(hy[near], SAMPLES[0]), z, build)
        backdrop = np.tile(behind[near], SAMPLES[0])
        where = np.tile(voxel, SAMPLES[0])
        for t, shape in enumerate(shapes):
            change = heart.paint(shape, points, backdrop, t / len(shapes)) - backdrop
            total = np.bincount(where, weights=change, minlength=voxels) / np.prod(SAMPLES)
            signal[t, k] = (still + total.reshape(settings.matrix)) * shading
    return np.stack([magnitude_image(frame, settings.noise, rng) for frame in signal])


def _reach_mm(shapes: list[HeartShape]) -> float:
    """Distance from the LV axis within which the whole heart and its fat lie."""
    return shapes[0].epi_radius_mm * 1.1 + shapes[0].rv_width_mm + RV_WALL_MM + COAT_MM


def _voxel_of_sample(settings: PhantomSettings) -> NDArray[np.intp]:
    """Flat number in plane of the voxel that holds each sample, (2 Y, 2 X)."""
    numbers = np.arange(settings.matrix[0] * settings.matrix[1]).reshape(settings.matrix)
    return numbers.repeat(SAMPLES[1], axis=0).repeat(SAMPLES[2], axis=1)


def _voxel_means(samples: Floats) -> Floats:
    """Mean over the samples in each voxel, (Y, X)."""
    ny, nx = (n // s for n, s in zip(samples.shape, SAMPLES[1:], strict=True))
    return np.asarray(samples.reshape(ny, SAMPLES[1], nx, SAMPLES[2]).mean(axis=(1, 3)))
