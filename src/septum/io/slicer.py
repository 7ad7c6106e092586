"""Masks as 3D Slicer reads them: segmentations (``.seg.nrrd``) and sequences of label maps (``.seq.nrrd``).

Source: Slicer's developer guide, "Segmentation labelmap file format (.seg.nrrd)" and "Volume sequence file
format (.seq.nrrd)". The same mask always gives the same bytes.
"""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np

from septum.core.files import atomic_path
from septum.io.dicom.objects.terms import structure_code

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from septum.core import Geometry, LabelSchema, Segmentation
    from septum.core.labels import Structure

#: Masks shrink hundredfold at any level; this one is quick.
_GZIP_LEVEL = 4
_TERMINOLOGY = "Segmentation category and type - DICOM master list"
#: As that list of Slicer's has it; DICOM's own context group names another concept so by now.
_CATEGORY = "SCT^123037004^Anatomical Structure"
_ANATOMY = "Anatomic codes - DICOM master list"
#: What Slicer writes for a segment without a voxel.
_EMPTY_EXTENT = "0 -1 0 -1 0 -1"


def write_slicer_segmentation(path: Path, segmentation: Segmentation, frame: int) -> None:
    """Write one frame of a mask as a segmentation: names, colours, coded terms and extents of the segments.

    All segments share one layer, for structures do not overlap. An empty structure is a segment, too.

    Args:
        path: ends in ``.seg.nrrd``.
        segmentation: the mask, (T, Z, Y, X).
        frame: which one, from 0.

    Raises:
        OutputError: it cannot be written; nothing is left behind.

    >>> from pathlib import Path
    >>> from septum.core import VENTRICLES, Geometry, Segmentation
    >>> grid = Geometry((8, 96, 96), (8.0, 1.5, 1.5))
    >>> mask = Segmentation(np.zeros((1, 8, 96, 96), np.uint8), grid, VENTRICLES)
    >>> write_slicer_segmentation(Path("heart.seg.nrrd"), mask, 0)
    >>> Path("heart.seg.nrrd").exists()
    True
    """
    labels, geometry = segmentation.labels[frame], segmentation.geometry
    directions, origin = _placed(geometry)
    lines = [
        "dimension: 3",
        f"sizes: {_words(reversed(geometry.shape))}",
        f"space directions: {directions}",
        "kinds: domain domain domain",
        f"space origin: {origin}",
        *_described(labels[None], segmentation.schema),
    ]
    _write(path, lines, np.ascontiguousarray(labels))


def write_slicer_sequence(
    path: Path, segmentation: Segmentation, times_ms: Sequence[float] | None = None
) -> None:
    """Write all frames of a mask as a sequence of label maps, which Slicer plays.

    The frames lie along the first axis of the file, as a list. Slicer keeps the description of the segments
    with the sequence; its extents are of all frames together.

    Args:
        path: ends in ``.seq.nrrd``.
        segmentation: the mask, (T, Z, Y, X).
        times_ms: time of each frame in ms; without them frames are counted from 0.

    Raises:
        OutputError: it cannot be written; nothing is left behind.
    """
    labels, geometry = segmentation.labels, segmentation.geometry
    directions, origin = _placed(geometry)
    name, unit = ("frame", "") if times_ms is None else ("time", "ms")
    values = range(len(labels)) if times_ms is None else (round(float(t), 3) for t in times_ms)
    lines = [
        "dimension: 4",
        f"sizes: {len(labels)} {_words(reversed(geometry.shape))}",
        f"space directions: none {directions}",
        "kinds: list domain domain domain",
        f'labels: "{name}" "" "" ""',
        f'units: "{unit}" "" "" ""',
        f"space origin: {origin}",
        "DataNodeClassName:=vtkMRMLLabelMapVolumeNode",
        "axis 0 index type:=numeric",
        f"axis 0 index values:={_words(values)}",
        *_described(labels, segmentation.schema),
    ]
    _write(path, lines, np.ascontiguousarray(np.moveaxis(labels, 0, -1)))


def _write(path: Path, lines: list[str], voxels: NDArray[np.uint8]) -> None:
    """Write header and voxels, whose last array axis is the file's first."""
    fields = [line for line in lines if ":=" not in line]
    pairs = [line for line in lines if ":=" in line]
    head = ["NRRD0005", "type: uint8", *fields[:1], "space: left-posterior-superior", *fields[1:]]
    header = "\n".join([*head, "encoding: gzip", *pairs, "", ""]).encode("utf-8", "backslashreplace")
    with atomic_path(path) as temporary:
        temporary.write_bytes(header + gzip.compress(voxels.tobytes(), _GZIP_LEVEL, mtime=0))


def _placed(geometry: Geometry) -> tuple[str, str]:
    """Steps along the file's axes X, Y and Z, and the first voxel's centre, in mm of LPS."""
    steps = np.asarray(geometry.direction) * np.asarray(geometry.spacing_mm)  # a column for each axis
    return " ".join(_vector(steps[:, axis]) for axis in (2, 1, 0)), _vector(geometry.origin_mm)


def _described(labels: NDArray[np.uint8], schema: LabelSchema) -> Iterator[str]:
    """The fields of the segmentation, and those of each of its segments, of labels (T, Z, Y, X)."""
    yield "Segmentation_ContainedRepresentationNames:=Binary labelmap|"
    # The first name is that of Slicer before 5.2, and of slicerio.
    yield "Segmentation_MasterRepresentation:=Binary labelmap"
    yield "Segmentation_SourceRepresentation:=Binary labelmap"
    yield "Segmentation_ReferenceImageExtentOffset:=0 0 0"
    for number, structure in enumerate(schema.structures):
        inside = (labels == structure.value).any(axis=0)
        for field, text in (
            ("Color", _words(f"{part / 255:.6g}" for part in structure.colour)),
            ("ColorAutoGenerated", "0"),
            ("Extent", _extent(inside)),
            ("ID", _escaped(structure.name)),
            ("LabelValue", str(structure.value)),
            ("Layer", "0"),
            ("Name", _escaped(structure.name)),
            ("NameAutoGenerated", "0"),
            ("Tags", f"Segmentation.Status:completed|TerminologyEntry:{_terminology(structure)}|"),
        ):
            yield f"Segment{number}_{field}:={text}"


def _terminology(structure: Structure) -> str:
    """Category and type of a segment, in the codes of the DICOM objects; the type says where it is, too."""
    code = structure_code(structure)
    kind = f"{code.scheme_designator}^{code.value}^{code.meaning}"
    return f"{_TERMINOLOGY}~{_CATEGORY}~{kind}~^^~{_ANATOMY}~^^~^^"


def _extent(inside: NDArray[np.bool_]) -> str:
    """First and last voxel along X, Y and Z."""
    if not inside.any():
        return _EMPTY_EXTENT
    ends = []
    for axis in (2, 1, 0):
        there = np.flatnonzero(inside.any(axis=tuple(other for other in range(3) if other != axis)))
        ends += [int(there[0]), int(there[-1])]
    return _words(ends)


def _vector(values: Sequence[float] | NDArray[np.float64]) -> str:
    return f"({','.join(repr(float(value)) for value in values)})"


def _words(values: Iterator[object] | Sequence[object]) -> str:
    return " ".join(map(str, values))


def _escaped(text: str) -> str:
    r"""A name in one line, as the format escapes it: ``\`` and line ends."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", " ")
