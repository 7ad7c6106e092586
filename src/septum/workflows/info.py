"""``septum info``: what a bundle, an image file or a DICOM study holds. No text of a header is shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import STACK_KINDS, BundleError, InputError, Orientation, SeptumError
from septum.core.files import is_out_of_reach
from septum.inference import Manifest, open_bundle, shipped
from septum.inference.bundle import MANIFEST
from septum.io import dicom_contents, find_images, holds_dicom, looks_like_mask, read_study
from septum.io.dicom.finding import count_files, is_zip
from septum.io.dicom.stacks.choosing import unfit

if TYPE_CHECKING:
    from septum.core import Cine, Geometry, StackKind
    from septum.inference import Description, StageManifest
    from septum.io import FolderImages
    from septum.io.dicom.reading import Contents
    from septum.io.dicom.stacks.choosing import Choice
    from septum.io.dicom.stacks.stack import Stack

#: Patient directions by LPS axis: where it comes from, where it goes.
_LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))


def describe(target: str) -> dict[str, Any]:
    """What a shipped model, a bundle's folder, an image file or a DICOM study holds, ready for JSON.

    Args:
        target: a shipped model's name, a bundle's folder, a NIfTI or NRRD file, or a folder of DICOM files.

    Raises:
        BundleError: the bundle is damaged, or a folder is no bundle.
        InputError: there is no such path, or the file cannot be used as an image of a heart.
    """
    path = Path(target)
    if is_out_of_reach(path):
        return describe_image(path)  # which says so
    if (target in shipped() and not path.is_file()) or (path / MANIFEST).is_file():
        return describe_bundle(target)
    if path.is_dir():
        return _describe_found(path)
    if path.exists() and holds_dicom(path):
        return describe_dicom(path)
    if not path.exists():
        raise InputError(
            f"{path} does not exist: expected a shipped model ({', '.join(shipped())}), a bundle's folder, "
            "an image file or a DICOM study; check the path and run again."
        )
    return describe_image(path)


def _describe_found(path: Path) -> dict[str, Any]:
    """Describe a folder by what is found in it: one study, or a list of images."""
    try:
        found = find_images(path)
    except InputError as error:
        if holds_dicom(path):
            return describe_dicom(path)
        raise BundleError(
            f"{path}: expected a model bundle, images or a DICOM study, but it holds no {MANIFEST} and none "
            "of them; name a bundle, an image file or a study."
        ) from error
    if found.studies == [path] and not found.images and not holds_dicom(path):
        return describe_image(path)  # of slices, a file each
    if not any(map(is_zip, found.studies)) and holds_dicom(path):
        return describe_dicom(path)
    return describe_folder(path, found)


def describe_folder(path: Path, found: FolderImages) -> dict[str, Any]:
    """List the images and studies in a folder.

    Args:
        path: the folder.
        found: as of :func:`septum.io.find_images`.
    """
    items: dict[str, str] = {}
    for image in (*found.studies, *found.images):
        try:
            facts = describe_image(image) if not holds_dicom(image) else {}
        except SeptumError as error:
            items[image.relative_to(path).as_posix()] = f"cannot be used: {error}"
            continue
        items[image.relative_to(path).as_posix()] = _in_short(facts) if facts else "DICOM study"
    return {
        "kind": "folder",
        "images": items,
        "masks": [mask.relative_to(path).as_posix() for mask in found.masks],
        "not_read": [one.relative_to(path).as_posix() for one in (*found.unread, *found.archives)],
    }


def _in_short(facts: dict[str, Any]) -> str:
    """One line on an image: frames, voxels, spacing."""
    shape = " x ".join(map(str, facts["shape_zyx"]))
    spacing = " x ".join(f"{value:.4g}" for value in facts["spacing_mm_zyx"])
    frames = "1 frame" if facts["frames"] == 1 else f"{facts['frames']} frames"
    return f"{facts['kind']}, {frames} of {shape} voxels, {spacing} mm (Z x Y x X)"


def describe_bundle(model: str | Path) -> dict[str, Any]:
    """What a bundle says of itself, and its hash. Raises :class:`BundleError`."""
    bundle = open_bundle(model)
    manifest = bundle.manifest
    return {
        "kind": "model",
        "name": manifest.name,
        "title": manifest.title,
        "structures": {s.name: f"{s.value}, {s.meaning}" for s in manifest.labels.structures},
        **_networks(manifest),
        "size_mb": round(sum(f.stat().st_size for f in bundle.folder.iterdir() if f.is_file()) / 1e6, 2),
        "accuracy": manifest.accuracy,
        "provenance": manifest.provenance,
        "licence": manifest.licence,
        "sha256": bundle.sha256,
    }


def _networks(manifest: Description) -> dict[str, Any]:
    """What a kind of model says of its networks."""
    if isinstance(manifest, Manifest):
        return {
            "segmenter_spacing_mm": _spacing(manifest.segmenter),
            "localiser_spacing_mm": _spacing(manifest.localiser),
            "region_sizes_voxels": manifest.localisation.sizes,
        }
    from septum.inference.sliding_manifest import SlidingManifest  # noqa: PLC0415  # of few models

    if not isinstance(manifest, SlidingManifest):
        return {}
    spacing_mm = manifest.preprocessing.spacing_mm
    return {
        "networks": len(manifest.networks),
        "spacing_mm": tuple("native" if v is None else v for v in spacing_mm),
        "window_voxels": manifest.window.size,
    }


def _spacing(stage: StageManifest) -> tuple[float | str, ...]:
    return tuple("native" if v is None else v for v in stage.preprocessing.spacing_mm)


def describe_image(path: Path) -> dict[str, Any]:
    """What is read from an image or a mask: grid, frames, values. Raises :class:`InputError`."""
    study = read_study(path, allow_mask=True)
    cine, geometry = study.cine, study.cine.geometry
    is_mask = looks_like_mask(study)
    return {
        "kind": "mask" if is_mask else "image",
        "frames": len(cine),
        "frame_interval_ms": cine.frame_interval_ms,
        "shape_zyx": geometry.shape,
        "spacing_mm_zyx": tuple(round(v, 6) for v in geometry.spacing_mm),
        "extent_mm_zyx": tuple(round(v, 2) for v in geometry.extent_mm),
        "axes_zyx_run_towards": axis_letters(geometry),
        "slice_axis": "ZYX"[Orientation.of(geometry).axes[0]],
        "voxel_volume_ml": round(geometry.voxel_volume_ml, 9),
        **(_labels(cine) if is_mask else _intensities(cine)),
        "notes": [note.text for note in study.notes],
        "sha256": study.sha256,
    }


def describe_dicom(path: Path) -> dict[str, Any]:
    """What a DICOM study holds: files that are used and passed over, stacks, and which would be taken.

    ``unusable`` is the sentence to end with where there is no image at all.

    Raises:
        InputError: a file cannot be read.
    """
    contents = dicom_contents(path)
    choices = {wanted: _choice(contents, wanted) for wanted in STACK_KINDS}
    scan = contents.scan
    return {
        "kind": "DICOM study",
        "files": scan.files,
        "images": scan.files - sum(scan.passed_over.values()),
        "passed_over": dict(scan.passed_over),
        "not_dicom": count_files(path) - scan.files,
        "stacks": [_stack(stack) for stack in contents.stacks],
        "taken_as": {wanted: _taken(contents, choice) for wanted, choice in choices.items()},
        "notes": [note.text for note in contents.notes],
        "unusable": contents.lack,
    }


def _stack(stack: Stack) -> dict[str, Any]:
    return {
        "stack": stack.number,
        "series": stack.series,
        "kind": stack.kind,
        "orientation": stack.orientation,
        "slices": len(stack.slices),
        "phases": stack.phases,
        "shape_yx": stack.first.shape,
        "spacing_mm_zyx": tuple(round(v, 4) for v in stack.spacing_mm),
        "unfit_as": {wanted: unfit(stack, wanted) or None for wanted in STACK_KINDS},
        "notes": [note.text for note in stack.notes],
    }


def _choice(contents: Contents, wanted: StackKind) -> Choice | str:
    """The stack that would be taken, or why there is none."""
    try:
        return contents.choose(wanted)
    except InputError as error:
        return str(error)


def _taken(contents: Contents, choice: Choice | str) -> dict[str, Any]:
    if isinstance(choice, str):
        return {"stack": None, "why": choice, "refused": None, "notes": []}
    refused, notes = contents.prospect(choice)
    own = choice.stack.notes
    return {
        "stack": choice.stack.number,
        "why": choice.why,
        "refused": refused,
        "notes": [note.text for note in notes if note not in own],
    }


def axis_letters(geometry: Geometry) -> str:
    """Letter of the patient direction nearest to each of (Z, Y, X): such as ``SPL``."""
    letters = ""
    for column in np.asarray(geometry.direction).T:
        axis = int(np.argmax(np.abs(column)))
        letters += _LETTERS[axis][int(column[axis] > 0)]
    return letters


def _labels(cine: Cine) -> dict[str, Any]:
    values, counts = np.unique(cine.array, return_counts=True)
    mean_ml = cine.geometry.voxel_volume_ml / len(cine)
    return {
        "mean_volume_ml_by_label": {
            f"{value:g}": round(int(count) * mean_ml, 3)
            for value, count in zip(values, counts, strict=True)
            if value != 0
        }
    }


def _intensities(cine: Cine) -> dict[str, Any]:
    low, middle, high = (float(v) for v in np.percentile(cine.array, (0, 50, 100)))
    return {"intensity_minimum": low, "intensity_median": middle, "intensity_maximum": high}
