"""The cine of a report: which part is shown, its pictures and its mask, as text that a page can hold."""

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

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from septum.core import Geometry, LabelSchema, Segmentation, Study

#: Space shown around the heart in plane, in mm.
MARGIN_MM = 25.0
#: Pixels of all pictures together; larger ones are reduced to this.
MOST_PIXELS = 20_000_000
#: WebP quality, 0 to 100, at which the noise of a cine stays and its files are a quarter of lossless ones.
QUALITY = 88
#: Share of the values that are shown as black and as white, in percent.
_WINDOW_PERCENT = (1.0, 99.7)


@dataclass(frozen=True)
class Shown:
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
    def of(cls, study: Study, segmentation: Segmentation) -> Shown:
        """Slices first, and the region that holds the heart of every frame; the whole image without one.

        Raises:
            ValueError: image and mask differ in shape.
        """
        cine = study.cine
        if cine.array.shape != segmentation.labels.shape:
            told = f"{cine.array.shape}, {segmentation.labels.shape}"
            raise ValueError(f"image and mask differ in shape: {told}")
        orientation = Orientation.of(cine.geometry)
        images, labels = (orientation.apply(a) for a in (cine.array, segmentation.labels))
        geometry = cine.geometry.permuted(orientation.axes)
        region = _around_the_heart(labels, geometry)
        low, high = np.percentile(region.crop(images), _WINDOW_PERCENT)
        window = (float(low), float(max(high, low + 1e-6)))
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


def pictures(shown: Shown) -> dict[str, Any]:
    """What the page draws the cine of: a sheet of pictures and the runs of the mask for each slice."""
    _, height, width = shown.region.size
    pixels = shown.frames * shown.slices * height * width
    scale = min(1.0, math.sqrt(MOST_PIXELS / pixels))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    columns = math.ceil(math.sqrt(shown.frames))
    _, y_mm, x_mm = shown.geometry.spacing_mm
    labels = shown.region.crop(shown.labels)
    return {
        "rows": height,
        "columns": width,
        "extent_mm": [height * y_mm, width * x_mm],
        "tile": size,
        "tiles_a_row": columns,
        "sheets": [_sheet(shown, z, size, columns) for z in range(shown.slices)],
        "runs": [base64.b64encode(run_lengths(labels[:, z])).decode() for z in range(shown.slices)],
    }


def run_lengths(labels: NDArray[np.uint8]) -> bytes:
    """A mask as runs in the order of its voxels: a byte for the label, then the length.

    A length is a little-endian base-128 number (LEB128): seven bits a byte, the eighth set while more follow.
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
    """A picture as a ``data:`` address, in WebP."""
    stream = io.BytesIO()
    picture.save(stream, format="WEBP", quality=quality, method=4)
    return "data:image/webp;base64," + base64.b64encode(stream.getvalue()).decode()


def _sheet(shown: Shown, z: int, size: tuple[int, int], columns: int) -> str:
    """All frames of a slice in one picture, row by row."""
    width, height = size
    low, high = shown.window
    values = shown.region.crop(shown.images)[:, z].astype(np.float32)
    grey = np.rint(np.clip((values - low) / (high - low), 0.0, 1.0) * 255.0).astype(np.uint8)
    sheet = Image.new("L", (columns * width, math.ceil(shown.frames / columns) * height))
    for t, plane in enumerate(grey):
        tile = Image.fromarray(plane)
        if tile.size != size:
            tile = tile.resize(size, Image.Resampling.LANCZOS)
        sheet.paste(tile, (t % columns * width, t // columns * height))
    return data_uri(sheet)


def _around_the_heart(labels: NDArray[np.uint8], geometry: Geometry) -> Region:
    """All slices of the part in plane that holds every label, with a margin."""
    found = Region.bounding(np.asarray(labels.any(axis=0)))
    if found is None:
        return Region.whole(geometry.shape)
    dy, dx = (math.ceil(MARGIN_MM / s) for s in geometry.spacing_mm[1:])
    slices, height, width = geometry.shape
    return Region(
        (0, max(0, found.start[1] - dy), max(0, found.start[2] - dx)),
        (slices, min(height, found.stop[1] + dy), min(width, found.stop[2] + dx)),
    )
