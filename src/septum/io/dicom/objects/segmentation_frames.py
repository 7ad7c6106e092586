"""The frames of a DICOM Segmentation: which planes, where, when, and from which source frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.valuerep import DSfloat

from septum.io.dicom.objects import terms
from septum.io.dicom.objects.instances import sop_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from septum.core import Geometry, Segmentation
    from septum.io.dicom.objects.source_images import SourceImage, SourceStudy


@dataclass(frozen=True)
class Plane:
    """One frame of the object: a structure in a slice of a phase.

    Attributes:
        segment: Segment Number, from 1.
        t, z: phase and slice, from 0.
    """

    segment: int
    t: int
    z: int


def planes_of(segmentation: Segmentation, frames: Sequence[int]) -> list[Plane]:
    """Planes that hold something of a structure, by segment, phase and slice; one empty plane if none do."""
    planes = []
    for segment, structure in enumerate(segmentation.schema.structures, start=1):
        holds = (segmentation.labels == structure.value).any(axis=(2, 3))
        planes += [Plane(segment, t, int(z)) for t in frames for z in np.flatnonzero(holds[t])]
    return planes or [Plane(1, frames[0], 0)]


def dimensions(planes: Iterable[Plane], uid: str) -> tuple[list[Dataset], list[Dataset]]:
    """Dimension Organization Sequence, with its identifier, and Dimension Index Sequence (PS3.3 C.7.6.17)."""
    organization = Dataset()
    organization.DimensionOrganizationUID = uid
    pointers = [
        ("ReferencedSegmentNumber", "SegmentIdentificationSequence", "Segment"),
        ("TemporalPositionIndex", "FrameContentSequence", "Phase of the cardiac cycle"),
        ("ImagePositionPatient", "PlanePositionSequence", "Slice"),
    ]
    if not _is_cine(planes):
        del pointers[1]
    indices = []
    for attribute, group, label in pointers:
        index = Dataset()
        index.DimensionIndexPointer = tag_for_keyword(attribute)
        index.FunctionalGroupPointer = tag_for_keyword(group)
        index.DimensionOrganizationUID = organization.DimensionOrganizationUID
        index.DimensionDescriptionLabel = label
        indices.append(index)
    return [organization], indices


def shared_groups(source: SourceStudy, geometry: Geometry) -> Dataset:
    """Functional groups of all frames: Pixel Measures and Plane Orientation."""
    z_mm, y_mm, x_mm = geometry.spacing_mm
    measures = Dataset()
    measures.PixelSpacing = _decimals((y_mm, x_mm))
    measures.SpacingBetweenSlices = _decimals((z_mm,))[0]
    measures.SliceThickness = _decimals((source.slice_thickness_mm or z_mm,))[0]
    orientation = Dataset()
    columns = np.asarray(geometry.direction)  # a column for each axis of (Z, Y, X)
    orientation.ImageOrientationPatient = _decimals((*columns[:, 2], *columns[:, 1]))
    shared = Dataset()
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    return shared


def frame_groups(source: SourceStudy, planes: Sequence[Plane]) -> list[Dataset]:
    """Functional groups of each frame: Frame Content, Plane Position, Derivation Image, Segmentation."""
    phases = sorted({p.t for p in planes})
    slices = sorted({p.z for p in planes})
    is_cine = _is_cine(planes)
    items = []
    for plane in planes:
        image = source.images[plane.t][plane.z]
        content = Dataset()
        time = [phases.index(plane.t) + 1] if is_cine else []
        content.DimensionIndexValues = [plane.segment, *time, slices.index(plane.z) + 1]
        content.StackID = "1"
        content.InStackPositionNumber = plane.z + 1
        content.TemporalPositionIndex = plane.t + 1
        position = Dataset()
        position.ImagePositionPatient = _decimals(image.position_mm)
        segment = Dataset()
        segment.ReferencedSegmentNumber = plane.segment
        item = Dataset()
        item.FrameContentSequence = [content]
        item.PlanePositionSequence = [position]
        item.DerivationImageSequence = [_derivation(image)]
        item.SegmentIdentificationSequence = [segment]
        items.append(item)
    return items


def _derivation(image: SourceImage) -> Dataset:
    """The source frame, which has the same pixels (PS3.3 C.7.6.16.2.6)."""
    source = sop_reference(image.sop_class_uid, image.sop_instance_uid)
    if image.frame_number is not None:
        source.ReferencedFrameNumber = image.frame_number
    source.PurposeOfReferenceCodeSequence = [terms.code_item(terms.SOURCE_IMAGE)]
    source.SpatialLocationsPreserved = "YES"
    derivation = Dataset()
    derivation.SourceImageSequence = [source]
    derivation.DerivationCodeSequence = [terms.code_item(terms.SEGMENTATION)]
    return derivation


def _is_cine(planes: Iterable[Plane]) -> bool:
    return len({p.t for p in planes}) > 1


def _decimals(values: Iterable[float]) -> list[DSfloat]:
    """Values of type DS, in the 16 characters that it has."""
    return [DSfloat(float(value), auto_format=True) for value in values]
