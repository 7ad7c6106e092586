"""The pictures of a report as text that a page can hold: the part that is shown, its cine and its mask."""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from septum.core import Orientation
from septum.core.region import Region
from septum.report.tiles import box_around, grey_window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from septum.core import Geometry, LabelSchema, Segmentation, Study

#: Space shown around the heart in plane, in mm.
MARGIN_MM = 25.0
#: Pixels of all pictures together; larger ones are reduced to this.
MOST_PIXELS = 20_000_000
#: WebP quality, 0 to 100, at which the noise of a cine stays and its files are a quarter of lossless ones.
QUALITY = 88


@dataclass(frozen=True)
class ReportView:
    """The part of a study that a report shows, slices first.

    Attributes:
        images: values, (T, Z, Y, X).
        labels: mask, the same shape.
        geometry: grid of each frame.
        schema: what the labels mean.
        region: part in plane around the heart, all slices.
        window: values shown as black and as white.
    """

    images: NDArray[Any]
    labels: NDArray[np.uint8]
    geometry: Geometry
    schema: LabelSchema
    region: Region
    window: tuple[float, float]

    @classmethod
    def of(cls, study: Study, segmentation: Segmentation) -> ReportView:
        """Put slices first and find the region that holds the heart of every frame.

        Without a mask the region is the whole image.

        Raises:
            ValueError: image and mask differ in shape.
        """
        cine = study.cine
        if cine.array.shape != segmentation.labels.shape:
            shapes = f"{cine.array.shape}, {segmentation.labels.shape}"
            raise ValueError(f"image and mask differ in shape: {shapes}")
        orientation = Orientation.of(cine.geometry)
        images, labels = (orientation.apply(a) for a in (cine.array, segmentation.labels))
        geometry = cine.geometry.permuted(orientation.axes)
        box = box_around(np.asarray(labels.any(axis=0)), geometry, MARGIN_MM)
        region = Region((0, *box.start[1:]), (geometry.shape[0], *box.stop[1:]))
        window = grey_window(region.crop(images))
        return cls(images, labels, geometry, segmentation.schema, region, window)

    @property
    def frames(self) -> int:
        """Number of frames."""
        return int(self.images.shape[0])

    @property
    def slices(self) -> int:
        """Number of slices."""
        return int(self.images.shape[1])

    @property
    def middle(self) -> int:
        """The middle one of the slices that hold a structure in any frame, or of all slices."""
        held = np.flatnonzero(self.labels.any(axis=(0, 2, 3)))
        return int(held[len(held) // 2]) if held.size else self.slices // 2


def pictures(view: ReportView) -> dict[str, Any]:
    """Encode the cine for the page: for each slice a sheet of pictures and the runs of the mask."""
    _, height, width = view.region.size
    pixels = view.frames * view.slices * height * width
    scale = min(1.0, math.sqrt(MOST_PIXELS / pixels))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    columns = math.ceil(math.sqrt(view.frames))
    _, y_mm, x_mm = view.geometry.spacing_mm
    labels = view.region.crop(view.labels)
    return {
        "rows": height,
        "columns": width,
        "extent_mm": [height * y_mm, width * x_mm],
        "tile": size,
        "tiles_a_row": columns,
        "sheets": [_sheet(view, z, size, columns) for z in range(view.slices)],
        "runs": [base64.b64encode(run_lengths(labels[:, z])).decode() for z in range(view.slices)],
    }


def run_lengths(labels: NDArray[np.uint8]) -> bytes:
    """Encode a mask as runs in the order of its voxels: a byte for the label, then the length.

    A length is a little-endian base-128 number (LEB128): seven bits a byte, the eighth set while more follow.

    >>> list(run_lengths(np.array([0, 0, 0, 2], np.uint8)))
    [0, 3, 2, 1]
    """
    flat = labels.ravel()
    starts = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1])
    out = bytearray()
    for value, count in zip(flat[starts].tolist(), np.diff([*starts, flat.size]).tolist(), strict=True):
        out.append(value)
        left = count
        while left > 0x7F:
            out.append(left & 0x7F | 0x80)
            left >>= 7
        out.append(left)
    return bytes(out)


def data_uri(picture: Image.Image, quality: int = QUALITY) -> str:
    """Encode a picture as a ``data:`` address, in WebP of a quality from 0 to 100."""
    stream = io.BytesIO()
    picture.save(stream, format="WEBP", quality=quality, method=4)
    return "data:image/webp;base64," + base64.b64encode(stream.getvalue()).decode()


def _sheet(view: ReportView, z: int, size: tuple[int, int], columns: int) -> str:
    """Put all frames of a slice into one picture, row by row."""
    width, height = size
    low, high = view.window
    values = view.region.crop(view.images)[:, z].astype(np.float32)
    grey = np.rint(np.clip((values - low) / (high - low), 0.0, 1.0) * 255.0).astype(np.uint8)
    sheet = Image.new("L", (columns * width, math.ceil(view.frames / columns) * height))
    for t, plane in enumerate(grey):
        tile = Image.fromarray(plane)
        if tile.size != size:
            tile = tile.resize(size, Image.Resampling.LANCZOS)
        sheet.paste(tile, (t % columns * width, t // columns * height))
    return data_uri(sheet)
