"""Writing masks beside their images, and images of our own making."""

from __future__ import annotations

import gzip
import hashlib
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from septum.core import OutputError
from septum.core.files import atomic_path
from septum.io.dicom.references import DicomHeader
from septum.io.names import image_suffix
from septum.io.native import NativeHeader
from septum.io.nifti_header import image_header
from septum.io.slices import StackedHeader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from septum.core import Cine, Segmentation, Study

#: Masks shrink hundredfold at any level; this one is quick.
_GZIP_LEVEL = 4
_IMAGE_TYPES = ("uint8", "int16", "float32")


def mask_suffix(study: Study) -> str:
    """Give the ending of a mask of ``study``, as its format is: ``.nii.gz``, ``.nrrd`` or ``.mha``."""
    return _header(study).suffix


def write_mask(path: Path, segmentation: Segmentation, like: Study) -> None:
    """Write a mask in the grid, orientation and format of the image that it belongs to.

    The mask has the image's own axes and affine and the spacing that was used; none of the image's
    text fields or extensions. The same mask always gives the same bytes. Of a DICOM study it is NIfTI with
    the study's geometry.

    Args:
        path: ends in ``mask_suffix(like)``.
        segmentation: on the grid of ``like``.
        like: the image's study, as read by ``read_study``.

    Raises:
        OutputError: it cannot be written; nothing is left behind.
        ValueError: the segmentation is not on the image's grid.

    >>> import numpy as np
    >>> from septum.core import VENTRICLES, Cine, Geometry, Segmentation, Study
    >>> grid = Geometry((8, 96, 96), (8.0, 1.5, 1.5))
    >>> image = Study(Cine(np.zeros((1, 8, 96, 96)), grid), sha256="")
    >>> mask = Segmentation(np.zeros((1, 8, 96, 96), np.uint8), grid, VENTRICLES)
    >>> write_mask("empty_seg.nii.gz", mask, image)
    >>> Path("empty_seg.nii.gz").exists()
    True
    """
    with staged_mask(path, segmentation, like):
        pass


@contextmanager
def staged_mask(path: Path, segmentation: Segmentation, like: Study) -> Iterator[str]:
    """Write as :func:`write_mask`; give the SHA-256 of a file that takes its name when the block succeeded.

    Args:
        path: ends in ``mask_suffix(like)``.
        segmentation: on the grid of ``like``, (T, Z, Y, X).
        like: the image's study, as read by ``read_study``.
    """
    header = _header(like)
    path = Path(path)
    if segmentation.labels.shape != like.cine.array.shape:
        raise ValueError(
            f"expected labels of shape {like.cine.array.shape} as the image, got {segmentation.labels.shape}"
        )
    _check_ending(path, (header.suffix,))
    content = _mask_content(path, header, np.asarray(segmentation.labels, np.uint8), like)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
        yield hashlib.sha256(content).hexdigest()


def _mask_content(
    path: Path, header: NativeHeader | DicomHeader | StackedHeader, labels: NDArray[np.uint8], like: Study
) -> bytes:
    if not isinstance(header, NativeHeader):
        return _image_content(path, replace(like.cine, array=labels))
    voxels = header.layout.from_cine(labels).tobytes(order="F")
    if header.suffix == ".nrrd":
        return header.mask_header + _zipped(voxels)
    if header.suffix == ".mha":
        from septum.io.meta_image import mask_content  # noqa: PLC0415  # other formats do without

        return mask_content(header.mask_header, voxels, _GZIP_LEVEL)
    return _zipped(header.mask_header + voxels)


def write_image(path: Path, cine: Cine) -> None:
    """Write an image as NIfTI-1: 3-D if it has one frame, 4-D otherwise.

    Args:
        path: ends in ``.nii`` or ``.nii.gz``.
        cine: uint8, int16 or float32; any other type is written as float32.

    Raises:
        OutputError: it cannot be written; nothing is left behind.

    >>> import numpy as np
    >>> from septum.core import Cine, Geometry
    >>> cine = Cine(np.zeros((1, 8, 96, 96), np.int16), Geometry((8, 96, 96), (8.0, 1.5, 1.5)))
    >>> write_image("empty.nii.gz", cine)
    >>> Path("empty.nii.gz").exists()
    True
    """
    path = Path(path)
    content = _image_content(path, cine)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _image_content(path: Path, cine: Cine) -> bytes:
    _check_ending(path, (".nii", ".nii.gz"))
    if cine.array.shape[-3:] != cine.geometry.shape:  # a header that promises what does not follow
        raise ValueError(f"expected voxels of shape {cine.geometry.shape}, got {cine.array.shape[-3:]}")
    dtype = cine.array.dtype.name if cine.array.dtype.name in _IMAGE_TYPES else "float32"
    array = np.ascontiguousarray(cine.array, np.dtype(dtype).newbyteorder("<"))
    content = image_header(replace(cine, array=array)) + array.tobytes()
    return _zipped(content) if image_suffix(path) == ".nii.gz" else content


def _header(study: Study) -> NativeHeader | DicomHeader | StackedHeader:
    """The header of a study's file; a study of no file has a mask in NIfTI, as one of DICOM has."""
    if study.header is None:
        return DicomHeader()
    if not isinstance(study.header, (NativeHeader, DicomHeader, StackedHeader)):
        raise TypeError("expected a study as read by septum.io.read_study, got one with another header")
    return study.header


def _check_ending(path: Path, endings: tuple[str, ...]) -> None:
    if image_suffix(path) not in endings:
        raise OutputError(
            f"{path} has the wrong ending for its content: expected {' or '.join(endings)}; give it that "
            "name."
        )


def _zipped(content: bytes) -> bytes:
    return gzip.compress(content, _GZIP_LEVEL, mtime=0)
