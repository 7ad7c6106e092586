"""Write the table of what was given to the readers and what came out, for the documentation.

    SEPTUM_DATA=DATA python tools/reading_matrix.py

Writes ``docs/reference/reading-matrix.md``: real images first, then made ones. Without ``SEPTUM_DATA`` the
rows of real images that are not in the repository stay as the page has them.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from septum.core import InputError
from septum.io import read_study

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "reading-matrix.md"
sys.path.insert(0, str(ROOT / "tests"))

from support.dicom_study import (  # noqa: E402
    AXIAL,
    LONG_AXIS,
    Sheet,
    enhanced,
    flat,
    images,
    localisers,
    stored,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from pydicom import FileDataset

    from septum.core import Study

    Objects = list[FileDataset]

HEAD = """# What was read, and what came out

Each row was given to the reader of `septum segment`. The last column is what came out: frames, slices, rows
and columns; the spacing (Z x Y x X); and the keys of the notes. Or it says why the input was refused.
`tools/reading_matrix.py` writes this page.

"""
_COLUMNS = "| given | form | source | what comes out |\n|---|---|---|---|\n"


class Row(NamedTuple):
    """One thing that was tried."""

    given: str
    form: str
    source: str
    outcome: str

    def line(self) -> str:
        """Give the row of the table."""
        return "| " + " | ".join(self) + " |\n"


def outcome(path: Path) -> str:
    """Read a study, and say in a few words what it is or why it is refused."""
    try:
        study = read_study(path)
    except InputError as error:
        sentence = str(error).replace(f"{path} ", "").replace(str(path), "it")
        return "refused: " + re.sub(r"^it ", "", sentence).split("; ")[0]
    return summary(study)


def summary(study: Study) -> str:
    """Say what was read: size, spacing, and keys of notes.

    Args:
        study: of any format.
    """
    frames, *grid = study.cine.array.shape
    size = " x ".join(map(str, grid))
    spacing = " x ".join(f"{value:.4g}" for value in study.cine.geometry.spacing_mm)
    notes = ", ".join(f"`{note.key}`" for note in study.notes) or "no notes"
    return f"{frames} x {size}, {spacing} mm; {notes}"


def edited(edit: Callable[[FileDataset, int, int], None], array: np.ndarray | None = None) -> Objects:
    """Plain images of a phantom, each changed by its phase and slice."""
    made = images(stored() if array is None else array)
    for t, row in enumerate(made):
        for z, one in enumerate(row):
            edit(one, t, z)
    return flat(made)


def kept(keep: Callable[[int, int], bool]) -> Objects:
    """Plain images of a phantom without some."""
    return [one for t, row in enumerate(images(stored())) for z, one in enumerate(row) if keep(t, z)]


def placed(*depths: float) -> Objects:
    """Plain images of a phantom at other places along the normal, in slice distances."""
    made = images(stored(5, len(depths)))
    for row in made:
        for one, depth in zip(row, depths, strict=True):
            one.ImagePositionPatient = [f"{v:.6f}" for v in Sheet().position(depth)]
    return flat(made)


def _own(*keywords: str) -> Objects:
    counter = iter(range(10**6))

    def edit(one: FileDataset, _: int, __: int) -> None:
        number = next(counter)
        for keyword in keywords:
            setattr(one, keyword, f"{getattr(one, keyword)}.{number}")

    return edited(edit)


def _without(*keywords: str) -> Objects:
    return edited(lambda one, _, __: [delattr(one, keyword) for keyword in keywords] and None)


def _blank() -> np.ndarray:
    array = stored().copy()
    array[3] = 0
    return array


def _phase_series(one: FileDataset, t: int, _: int) -> None:
    one.SeriesInstanceUID, one.SeriesNumber = f"1.2.3.9.{50 + t}", 50 + t


MADE: tuple[tuple[str, str, Callable[[], Objects]], ...] = (
    ("one series for the stack", "Siemens, GE: plain images", lambda: flat(images(stored()))),
    ("one series a slice", "Siemens: plain images", lambda: flat(images(stored(), per_slice=True))),
    ("one series a phase", "plain images", lambda: edited(_phase_series)),
    ("one object", "Philips: enhanced", lambda: [enhanced(stored())]),
    ("a frame of reference an image", "de-identified", lambda: _own("FrameOfReferenceUID")),
    ("a series an image", "de-identified", lambda: _own("SeriesInstanceUID")),
    ("a study an image", "de-identified", lambda: _own("StudyInstanceUID")),
    ("no trigger times", "plain images", lambda: _without("TriggerTime")),
    ("no identifier of the series", "de-identified", lambda: _without("SeriesInstanceUID")),
    ("no pixel spacing", "de-identified", lambda: _without("PixelSpacing")),
    ("no positions", "de-identified", lambda: _without("ImagePositionPatient")),
    ("two phases of five at one end", "broken off", lambda: kept(lambda t, z: z < 5 or t < 2)),
    ("two phases of five in the middle", "broken off", lambda: kept(lambda t, z: z != 3 or t < 2)),
    ("one image missing", "copied badly", lambda: kept(lambda t, z: (t, z) != (3, 2))),
    ("slices 0, 1, 2, 4, 5", "a slice missing", lambda: kept(lambda _, z: z != 3)),
    ("slices 0, 1, 3, 5, 6", "two slices missing", lambda: placed(0, 1, 3, 5, 6)),
    ("slices 0, 2, 4, 6, 6.999", "three slices missing", lambda: placed(0, 2, 4, 6, 6.999)),
    ("slices 0, 1, 1.4, 2, 3, 4", "a slice taken again", lambda: placed(0, 1, 1.4, 2, 3, 4)),
    ("a frame of zeros", "converted badly", lambda: flat(images(_blank()))),
    ("one phase", "plain images", lambda: flat(images(stored(1, 6)))),
    ("one slice", "plain images", lambda: flat(images(stored(5, 1)))),
    ("axial cine", "plain images", lambda: flat(images(stored(), Sheet(AXIAL)))),
    ("long axis", "plain images", lambda: flat(images(stored(5, 1), Sheet(LONG_AXIS)))),
    ("localisers alone", "plain images", localisers),
)


def made_rows() -> list[Row]:
    """Read made studies: phantoms whose headers follow those of makers and archives."""
    rows = []
    for given, form, objects in MADE:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(Row(given, form, "phantom", outcome(write(Path(folder) / "study", objects()))))
    return rows


def repository_rows() -> list[Row]:
    """Read the real images that are in the repository."""
    folder = ROOT / "tests" / "data" / "sunnybrook"
    source = "Sunnybrook, CC0; cropped, in `tests/data`"
    return [
        Row(f"{name}, every second phase", "GE 1.5 T, DICOM", source, outcome(folder / name))
        for name in ("SCD0000101", "SCD0000301")
    ]


def data_rows(data: Path) -> list[Row]:
    """Read real images of public data sets.

    Args:
        data: holds ``acdc``, ``lasc`` and ``elsewhere`` as their pages of the documentation have them.
    """
    rows = []
    for name in ("SCD0000101", "SCD0000301"):
        folder = data / "elsewhere" / "sunnybrook"
        dice = left_ventricle_dice(folder, name)
        found = (
            f"{outcome(folder / name)}; Dice of the LV {dice:.3f} against the expert, in the expert's slices"
        )
        rows.append(Row(name, "GE 1.5 T, DICOM", "Sunnybrook, CC0", found))
    others = (
        ("patient090", "Siemens, NIfTI, 4-D", "ACDC", "acdc/training/patient090/patient090_4d.nii.gz"),
        ("B5F8L9, end-diastole", "NIfTI", "M&Ms", "elsewhere/mnms/B5F8L9_ED.nii.gz"),
        ("G8R0Z9, end-systole", "NIfTI", "M&Ms", "elsewhere/mnms/G8R0Z9_ES.nii.gz"),
        ("Pat04, two frames", "NIfTI, 8 bit", "Najman", "elsewhere/najman/Pat04.nii.gz"),
    )
    for given, form, source, path in others:
        rows.append(Row(given, form, source, outcome(data / path)))
    atrium = next(iter(sorted((data / "lasc" / "training").rglob("lgemri.nrrd"))), None)
    if atrium is not None:
        rows.append(Row("a late-gadolinium volume", "Siemens, NRRD", "LASC 2018", outcome(atrium)))
    return rows


def left_ventricle_dice(folder: Path, name: str) -> float:
    """Segment a patient of Sunnybrook, and compare with the expert's polygons of the LV cavity.

    Args:
        folder: holds the patients, and ``contours_NAME/i-contours`` with polygons (x, y) in pixels.
        name: of the patient.
    """
    import septum  # noqa: PLC0415
    from septum_study.sunnybrook import CAVITY, UNDRAWN, expert_cavity  # noqa: PLC0415

    result = septum.segment(str(folder / name))
    drawn = expert_cavity(result.study, folder / f"contours_{name}" / "i-contours")
    expert, cavity = (
        drawn == CAVITY,
        (result.labels == CAVITY) & (drawn != UNDRAWN).any((2, 3), keepdims=True),
    )
    both, either = int((expert & cavity).sum()), int(expert.sum()) + int(cavity.sum())
    return 2 * both / either


def main() -> None:
    """Write the page."""
    data = os.environ.get("SEPTUM_DATA")
    old = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
    here = "".join(row.line() for row in repository_rows())
    if data is not None:
        real = here + "".join(row.line() for row in data_rows(Path(data)))
    else:
        lines = old.partition("## Made")[0].splitlines(keepends=True)
        real = here + "".join(line for line in lines if line.startswith("| ") and "`tests/data`" not in line)
        real = real.replace(_COLUMNS.splitlines(keepends=True)[0], "")
    made = "".join(row.line() for row in made_rows())
    page = HEAD
    page += f"## Real headers and pixels\n\n{_COLUMNS}{real}\n"
    page += (
        "## Made headers and pixels\n\nPhantoms of 5 frames and 6 slices, unless a row says otherwise.\n\n"
    )
    PAGE.write_text(f"{page}{_COLUMNS}{made}", encoding="utf-8")


if __name__ == "__main__":
    main()
