"""Measure how good strain from masks is: against an analytic heart, and against itself with half the frames.

    python tools/measure_strain.py --data DATA

Writes ``studies/strain/phantom.csv``: peak strain of phantoms at three voxel sizes, from the voxel truth and
analytic, in the slices that count. And ``studies/strain/halves.csv``: peak strain of whole cines that the
shipped model ``cine`` segments, with all frames, and with every other frame, once the even and once the odd
ones, each of which is segmented by itself. Every folder of DICOM images below ``DATA/elsewhere/sunnybrook``
is such a cine; ``--cine`` adds files of others. ``make tables`` makes the tables of the page on strain.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from septum.core import VENTRICLES, Geometry, Segmentation
from septum.core.strain import ENDOCARDIAL, EPICARDIAL, MIDWALL, RADIAL, STRAINS
from septum.indices import clinical_indices
from septum.inference import load_model
from septum.io import read_study
from septum.metrics.scores_file import write_rows
from septum.phantom import PhantomSettings
from septum.phantom.beat import contraction, end_systole
from septum.phantom.build import Build, Points
from septum.phantom.shape import EQUATOR, HeartShape

if TYPE_CHECKING:
    from septum.core import Cine
    from septum.inference import Model
    from septum.workflows.indices_table import Cell

RESULTS = Path(__file__).resolve().parents[1] / "studies" / "strain"
#: In plane; the grid reaches so far from the axis of the LV, with a place of its own in each heart.
VOXELS_MM = (1.0, 1.4, 2.0)
REACH_MM = 90.0
FRAMES = 10
#: Axes of a short axis that leans, LPS.
DIRECTION = ((0.48, -0.36, 0.8), (0.64, -0.48, -0.6), (0.6, 0.8, 0.0))
#: Way of the base in mm: without any, slices stay in the same part of the heart.
DESCENTS_MM = (0.0, 10.0)
HEARTS = 5
#: Folders of Sunnybrook's images are called so; those of contours are not.
PATIENT = re.compile(r"SCD\d+")


def voxel_truth(settings: PhantomSettings, build: Build, shift_mm: tuple[float, float]) -> Segmentation:
    """Labels of the analytic heart at the centres of voxels, without the chest around it."""
    side = np.arange(-REACH_MM, REACH_MM, settings.in_plane_mm)
    y, x = np.meshgrid(side + shift_mm[0], side + shift_mm[1], indexing="ij")
    geometry = Geometry(
        (settings.slices, *x.shape), (settings.slice_spacing_mm, *(settings.in_plane_mm,) * 2),
        (0.0, 0.0, 0.0), DIRECTION,
    )  # fmt: skip
    frames = []
    for c in contraction(settings.frames):
        shape = HeartShape.at(float(c), build, settings)
        slices = []
        for k in range(settings.slices):
            z = np.full(x.shape, k * settings.slice_spacing_mm, np.float32)
            slices.append(shape.labels(Points.at(x.astype(np.float32), y.astype(np.float32), z, build)))
        frames.append(np.stack(slices))
    return Segmentation(np.stack(frames), geometry, VENTRICLES)


def analytic_percent(settings: PhantomSettings, build: Build, slices: tuple[int, ...]) -> dict[str, float]:
    """Peak strain of the analytic heart in some slices; it is out of round in a way that changes no ratio."""
    lines: dict[str, list[float]] = {name: [] for name in STRAINS}
    z_mm = np.asarray(slices) * settings.slice_spacing_mm
    for c in contraction(settings.frames):
        shape = HeartShape.at(float(c), build, settings)
        inner, outer = (
            _radii_mm(z_mm - shape.base_mm, *border)
            for border in (
                (shape.lv_length_mm, shape.lv_radius_mm),
                (shape.epi_length_mm, shape.epi_radius_mm),
            )
        )
        values = (inner, (inner + outer) / 2.0, outer, outer - inner)
        for name, value in zip((ENDOCARDIAL, MIDWALL, EPICARDIAL, RADIAL), values, strict=True):
            lines[name].append(float(value.sum()))
    strains = {name: 100.0 * (np.asarray(line) / line[0] - 1.0) for name, line in lines.items()}
    return {name: float(curve.max() if name == RADIAL else curve.min()) for name, curve in strains.items()}


def _radii_mm(depth_mm: np.ndarray, length_mm: float, radius_mm: float) -> np.ndarray:
    """Radius of a cut ellipsoid at some depths below its base, as :mod:`septum.phantom.shape` has it."""
    share = (depth_mm / length_mm - EQUATOR) / (1.0 - EQUATOR)
    return radius_mm * np.sqrt(np.clip(1.0 - share**2, 0.0, None))


def phantom_rows() -> list[dict[str, Cell]]:
    """Peak strain of phantoms, measured in the voxel truth and analytic."""
    rows: list[dict[str, Cell]] = []
    for voxel in VOXELS_MM:
        for descent in DESCENTS_MM:
            for seed in range(HEARTS):
                rng = np.random.default_rng(seed)
                settings = PhantomSettings(
                    frames=FRAMES, in_plane_mm=voxel, matrix=(256, 256), base_descent_mm=descent
                )
                build = Build.draw(rng)
                shift = (float(rng.uniform(0.0, voxel)), float(rng.uniform(0.0, voxel)))
                mask = voxel_truth(settings, build, shift)
                strain = clinical_indices(mask, end_diastole=0, end_systole=end_systole(FRAMES)).strain
                true = analytic_percent(settings, build, strain.slices)
                rows += [
                    {
                        "in_plane_mm": voxel, "base_descent_mm": descent, "heart": seed, "strain": name,
                        "measured": round(strain.whole[name].peak_percent, 4),
                        "analytic": round(true[name], 4),
                    }
                    for name in STRAINS
                ]  # fmt: skip
        click.echo(f"{voxel:g} mm")
    return rows


def half_rows(name: str, cine: Cine, model: Model) -> list[dict[str, Cell]]:
    """Peak strain of a cine with all frames, the even and the odd ones."""
    times = cine.times_ms
    rows: list[dict[str, Cell]] = []
    for taken, frames in (("all", slice(None)), ("even", slice(0, None, 2)), ("odd", slice(1, None, 2))):
        own = None if times is None else tuple(np.asarray(times)[frames])
        part = replace(cine, array=cine.array[frames], frame_times_ms=own)
        labels = np.stack([frame.labels for frame in model.segment_frames(part)])
        mask = Segmentation(labels, cine.geometry, model.bundle.manifest.labels)
        strain = clinical_indices(mask, times_ms=own).strain
        for measure in STRAINS:
            curve = None if strain is None else strain.whole[measure]
            rows.append(
                {
                    "cine": name, "frames": taken, "count": len(labels), "strain": measure,
                    "slices": 0 if strain is None else len(strain.slices),
                    "peak_percent": None if curve is None else round(curve.peak_percent, 4),
                }
            )  # fmt: skip
        click.echo(f"{name}, {taken} frames")
    return rows


@click.command()
@click.option("--data", envvar="SEPTUM_DATA", type=click.Path(path_type=Path, exists=True))
@click.option("--cine", "cines", multiple=True, type=click.Path(path_type=Path, exists=True))
def main(data: Path | None, cines: tuple[Path, ...]) -> None:
    """Measure strain, into studies/strain."""
    write_rows(RESULTS / "phantom.csv", phantom_rows())
    folder = None if data is None else data / "elsewhere" / "sunnybrook"
    found = [] if folder is None else [p for p in sorted(folder.iterdir()) if PATIENT.fullmatch(p.name)]
    if not found and not cines:
        return
    model = load_model("cine")
    named = [(path.name, path) for path in found]
    named += [(f"cine {k}", path) for k, path in enumerate(cines, start=1)]
    rows = [row for name, path in named for row in half_rows(name, read_study(path).cine, model)]
    write_rows(RESULTS / "halves.csv", rows)


if __name__ == "__main__":
    main()
