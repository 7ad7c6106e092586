"""The outlines that experts drew in Sunnybrook's studies, as masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from septum.core import InputError
from septum.io import DicomHeader

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.core import Study

#: Value of slices that nobody drew, and of the cavity.
UNDRAWN, CAVITY = 255, 3
#: Side of the raster, in parts of a pixel, on which a polygon is filled.
FINE = 8


def expert_cavity(study: Study, contours: Path) -> NDArray[np.uint8]:
    """Fill the expert's polygons of the LV cavity.

    Args:
        study: of DICOM images, of which ``48.dcm`` is drawn in ``IM-0001-0048-icontour-manual.txt``.
        contours: folder of these files, each with the corners (x, y) of a polygon in pixels.

    Returns:
        (T, Z, Y, X) with ``CAVITY`` and 0 in slices that were drawn, and ``UNDRAWN`` in all others.

    Raises:
        InputError: the study is not of DICOM images.
    """
    if not isinstance(study.header, DicomHeader):
        raise InputError(f"{contours}: expected the study of these outlines to be of DICOM images.")
    frames = study.header.frames
    place = {one.path.stem: (t, z) for t, row in enumerate(frames) for z, one in enumerate(row)}
    drawn = np.full(study.cine.array.shape, UNDRAWN, np.uint8)
    _, rows, columns = study.cine.geometry.shape
    for file in sorted(contours.glob("*.txt")):
        image = Image.new("L", (columns * FINE, rows * FINE))
        corners = [(float(x + 0.5) * FINE, float(y + 0.5) * FINE) for x, y in np.loadtxt(file)]
        ImageDraw.Draw(image).polygon(corners, fill=1)
        share = np.asarray(image).reshape(rows, FINE, columns, FINE).mean((1, 3))
        drawn[place[str(int(file.name.split("-")[2]))]] = np.where(share >= 0.5, CAVITY, 0)
    return drawn
