"""``septum convert``: a study in, one NIfTI image with its true spacing and times out."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import InputError, OutputError, value_of
from septum.core.errors import NameTakenError, Remedy
from septum.core.files import place_of, write_text
from septum.io import holds_dicom, read_study, write_image

if TYPE_CHECKING:
    from pathlib import Path

    from septum.core import Cine, StackKind, Study
    from septum.core.geometry import Triple

_ENDINGS = (".nii.gz", ".nii")


@dataclass(frozen=True)
class Converted:
    """What was written.

    Attributes:
        image: the NIfTI file.
        sidecar: the JSON beside it.
        study: what was read.
    """

    image: Path
    sidecar: Path
    study: Study


def convert(
    source: Path,
    out: Path,
    *,
    wanted: StackKind = "cine",
    stack: int | None = None,
    spacing_mm: Triple | None = None,
    overwrite: bool = False,
) -> Converted:
    """Write a study as NIfTI, and a JSON of the same name with the time of each frame.

    Args:
        source: a folder of DICOM files, or an image file.
        out: ends in ``.nii.gz`` or ``.nii``.
        wanted: which stack of a DICOM study.
        stack: its number, instead.
        spacing_mm: (Z, Y, X) in mm, instead of what the headers state.
        overwrite: replace what is there.

    Raises:
        NameTakenError: a file of the image's or the JSON's name is there.
        InputError: the study cannot be used as an image of a heart.
        MissingExtraError: its images are compressed, and what decodes them is not installed.
        OutputError: the result cannot be written, or has another ending.
    """
    ending = next((ending for ending in _ENDINGS if out.name.lower().endswith(ending)), None)
    if ending is None:
        raise OutputError(
            f"{out} is no name for a NIfTI file: expected it to end in .nii.gz or .nii; give another one."
        )
    if place_of(out) == place_of(source):
        raise OutputError(f"{out} is the input: expected another name for the result; give one.")
    if wanted != "cine" and source.is_file() and not holds_dicom(source):
        raise InputError(
            f"{source} holds one image, not a DICOM study: expected no kind of stack to choose, and got "
            f"{wanted}; leave it out."
        )
    sidecar = out.with_name(out.name[: -len(ending)] + ".json")
    taken = next((path for path in (out, sidecar) if path.exists()), None)
    if taken is not None and not overwrite:
        raise NameTakenError(
            f"{taken} is there already: expected a name that is free for the image and for the JSON beside "
            "it; give another one, or allow overwriting.",
            remedy=Remedy.OVERWRITE,
        )
    study = read_study(source, spacing_mm=spacing_mm, wanted=wanted, stack=stack)
    _remove(sidecar)  # an image never stands beside the times of another
    write_image(out, _compact(study.cine))
    write_text(sidecar, json.dumps(_facts(study), indent=2, allow_nan=False) + "\n")
    return Converted(out, sidecar, study)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be replaced: {error.strerror}; choose another name.") from error


def _compact(cine: Cine) -> Cine:
    """The same as int16, where all of its values are whole numbers that fit."""
    limits = np.iinfo(np.int16)
    array = cine.array
    if array.min() < limits.min or array.max() > limits.max or not (array == np.rint(array)).all():
        return cine
    return replace(cine, array=array.astype(np.int16))


def _facts(study: Study) -> dict[str, Any]:
    """What NIfTI has no room for. Nothing of it names a patient."""
    cine, subject = study.cine, study.subject
    return {
        "frames": len(cine),
        "frame_times_ms": cine.frame_times_ms,
        "frame_interval_ms": cine.frame_interval_ms,
        "spacing_mm_zyx": [round(v, 6) for v in cine.geometry.spacing_mm],
        "heart_rate_bpm": value_of(subject.heart_rate_bpm),
        "height_m": value_of(subject.height_m),
        "weight_kg": value_of(subject.weight_kg),
        "source_sha256": study.sha256,
        "notes": [note.text for note in study.notes],
    }
