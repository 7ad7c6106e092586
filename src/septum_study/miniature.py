"""Data of the miniature study: phantoms laid out as the two data sets are, so that it needs no patient."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import nrrd
import numpy as np

from septum.core import Cine, OutputError
from septum.core.files import write_text
from septum.io import write_image
from septum.phantom import PhantomSettings, beating_heart

if TYPE_CHECKING:
    from septum.phantom import Phantom

PATIENTS = 6  # of each data set
GROUPS = ("NOR", "DCM")
SEED = 2020
#: What LASC's files say of the foreground.
LASC_FOREGROUND = 255


def data_below(work: Path, patients: int = PATIENTS) -> Path:
    """Folder of the phantoms, laid out as the real data; made, whole or not at all, if it is not there.

    Args:
        work: folder above it.
        patients: number of patients of each data set.

    Raises:
        OutputError: it cannot be written.
    """
    folder = work / "phantoms"
    if folder.is_dir():
        found = [len(list((folder / name / "training").glob("*"))) for name in ("acdc", "lasc")]
        if found != [patients, patients]:
            raise OutputError(
                f"{folder}: expected {patients} phantoms of each data set, found {found[0]} and {found[1]}; "
                "remove the folder, and they are made again."
            )
        return folder
    try:
        work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".septum-", dir=work) as scratch:
            new = Path(scratch) / "phantoms"
            _write_all(new, patients, np.random.default_rng(SEED))
            if not folder.is_dir():  # another process may have been faster
                os.rename(new, folder)  # noqa: PTH104  # fails where Path.rename would replace
    except OSError as error:
        if folder.is_dir():
            return folder
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}.") from error
    return folder


def _write_all(root: Path, patients: int, rng: np.random.Generator) -> None:
    for number in range(1, patients + 1):
        group = GROUPS[number % len(GROUPS)]
        _write_acdc(root / "acdc" / "training" / f"patient{number:03d}", group, _heart(group, rng))
        _write_lasc(root / "lasc" / "training" / f"volume{number:03d}", _heart(group, rng))


def _heart(group: str, rng: np.random.Generator) -> Phantom:
    full = rng.uniform(110, 170) * (1.5 if group == "DCM" else 1.0)
    settings = PhantomSettings(
        frames=2,
        slices=8,
        matrix=(72, 76),
        in_plane_mm=3.0,
        lv_edv_ml=full,
        lv_esv_ml=full * rng.uniform(0.4, 0.6),
    )
    return beating_heart(rng, settings)


def _write_acdc(folder: Path, group: str, heart: Phantom) -> None:
    phases = {"ED": heart.end_diastole, "ES": heart.end_systole}
    lines = [f"{phase}: {frame + 1}" for phase, frame in phases.items()]
    for frame in phases.values():
        stem = f"{folder.name}_frame{frame + 1:02d}"
        image = Cine(heart.cine.array[frame : frame + 1], heart.cine.geometry)
        mask = Cine(heart.truth.labels[frame : frame + 1], heart.truth.geometry)
        write_image(folder / f"{stem}.nii.gz", image)
        write_image(folder / f"{stem}_gt.nii.gz", mask)
    write_text(folder / "Info.cfg", "\n".join([*lines, f"Group: {group}"]) + "\n")


def _write_lasc(folder: Path, heart: Phantom) -> None:
    """One frame; its left ventricular cavity stands for the left atrium."""
    folder.mkdir(parents=True)
    value = next(s.value for s in heart.truth.schema.structures if s.name == "LV")
    cavity = np.where(heart.truth.labels[0] == value, LASC_FOREGROUND, 0).astype(np.uint8)
    header = {
        "space": "left-posterior-superior",
        "space directions": np.diag(heart.cine.geometry.spacing_mm[::-1]),
    }
    for name, array in (("lgemri", heart.cine.array[0].astype(np.int16)), ("laendo", cavity)):
        nrrd.write(str(folder / f"{name}.nrrd"), array.transpose(2, 1, 0), header)
