"""A mask as a DICOM Segmentation object (PS3.3 A.51): one object for all phases of a cine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import highdicom
import numpy as np
from pydicom import Dataset
from pydicom.uid import SegmentationStorage

from septum.io.dicom.headers import quiet
from septum.io.dicom.objects import terms
from septum.io.dicom.objects.instances import (
    NEW,
    Series,
    new_instance,
    referenced_series,
    short_text,
    write_instance,
)
from septum.io.dicom.objects.segmentation_frames import (
    dimensions,
    frame_groups,
    planes_of,
    shared_groups,
)
from septum.io.dicom.objects.source_images import read_source
from septum.io.frames import frames_to_write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydicom.sr.coding import Code

    from septum.core import Segmentation, Structure, Study
    from septum.io.dicom.objects.instances import Algorithm, Issue, Reader
    from septum.io.dicom.objects.pseudonyms import Pseudonyms
    from septum.io.dicom.objects.segmentation_frames import Plane
    from septum.io.dicom.objects.source_images import SourceStudy

_SERIES_NUMBER = 9001


@dataclass(frozen=True)
class SegmentReference:
    """A segment of a written object.

    Attributes:
        number: Segment Number, from 1.
        site: coded term of its structure.
        tracking_id, tracking_uid: by which measurements name the same thing.
    """

    number: int
    site: Code
    tracking_id: str
    tracking_uid: str


@dataclass(frozen=True)
class SegmentationReference:
    """A written object, for what refers to it.

    Attributes:
        sop_instance_uid, series_instance_uid: of the object.
        segments: name of a structure to its segment.
    """

    sop_instance_uid: str
    series_instance_uid: str
    segments: dict[str, SegmentReference]

    @classmethod
    def of(cls, instance: Dataset, structures: Sequence[Structure]) -> SegmentationReference:
        """Refer to an object whose segments are these structures, in this order."""
        segments = {
            structure.name: SegmentReference(
                number=int(segment.SegmentNumber),
                site=terms.structure_code(structure),
                tracking_id=segment.TrackingID,
                tracking_uid=segment.TrackingUID,
            )
            for structure, segment in zip(structures, instance.SegmentSequence, strict=True)
        }
        return cls(instance.SOPInstanceUID, instance.SeriesInstanceUID, segments)


@quiet()
def write_dicom_segmentation(  # noqa: PLR0913  # one argument a fact that the object tells
    path: Path,
    segmentation: Segmentation,
    study: Study,
    algorithm: Algorithm,
    *,
    frames: Sequence[int] | None = None,
    deidentify: Pseudonyms | None = None,
    source: SourceStudy | None = None,
    reader: Reader | None = None,
    issue: Issue = NEW,
) -> SegmentationReference:
    """Write a mask as one binary DICOM Segmentation that refers frame by frame to its source images.

    A cine's phases share their positions, so time is a dimension of its own: segment, Temporal Position Index
    (phase, from 1), Image Position (Patient). In a single phase that dimension is left out, and any program
    for 3-D segmentations reads the object. Planes without anything of a structure are left out.

    Args:
        path: of the file; its name should tell nothing of the patient, as nothing else that is written does.
        segmentation: on the grid of ``study``.
        study: as read from DICOM.
        algorithm: model that made the mask.
        frames: phases to write, from 0; all by default.
        deidentify: pseudonyms in place of patient, study and UIDs. References to the source's UIDs then only
            resolve among images de-identified with the same key.
        source: of ``study``, where it has been read.
        reader: who has corrected the mask, which is then semi-automatic.
        issue: its identifiers, and what is added to its series.

    Returns:
        What a measurement report needs to refer to the segments.

    Raises:
        OutputError: the study is not from DICOM, or the file cannot be written; nothing is left behind.
        InputError: a source image cannot be read again, or a frame is not there.
        ValueError: the segmentation is not on the study's grid.
    """
    if segmentation.labels.shape != study.cine.array.shape:
        raise ValueError(
            f"expected labels of shape {study.cine.array.shape} as the image, got {segmentation.labels.shape}"
        )
    asked = frames_to_write(frames, len(study.cine))
    source = source or read_source(study)
    if deidentify is not None:
        source = deidentify.of(source)
    instance = new_instance(
        str(SegmentationStorage),
        source,
        Series("SEG", _SERIES_NUMBER, f"Septum segmentation, {algorithm.name}"),
        issue,
    )
    structures = segmentation.schema.structures
    segments = [_segment(k, one, algorithm, reader, issue) for k, one in enumerate(structures, start=1)]
    _add_image_modules(instance, source, segments)
    if reader is not None:
        _add_reader(instance, reader, deidentified=source.deidentified)
    _add_frames(instance, source, segmentation, planes_of(segmentation, asked), issue)
    write_instance(path, instance)
    return SegmentationReference.of(instance, structures)


def _add_reader(instance: Dataset, reader: Reader, *, deidentified: bool) -> None:
    """Say who has corrected the mask."""
    instance.ContentDescription = "Segmentation corrected by a reader; for research use only"
    if reader.name:
        instance.ContentCreatorName = reader.person_name(deidentified=deidentified)


def _segment(
    number: int, structure: Structure, algorithm: Algorithm, reader: Reader | None, issue: Issue
) -> Dataset:
    """An item of the Segment Sequence (PS3.3 C.8.20.4)."""
    family = Dataset()
    family.AlgorithmFamilyCodeSequence = [terms.code_item(terms.ARTIFICIAL_INTELLIGENCE)]
    family.AlgorithmName = short_text(algorithm.name)
    family.AlgorithmVersion = short_text(algorithm.version)
    segment = Dataset()
    segment.SegmentNumber = number
    segment.SegmentLabel = short_text(structure.meaning or structure.name)
    segment.SegmentAlgorithmType = "AUTOMATIC" if reader is None else "SEMIAUTOMATIC"
    segment.SegmentAlgorithmName = short_text(f"Septum {algorithm.name} {algorithm.version}")
    segment.SegmentationAlgorithmIdentificationSequence = [family]
    segment.SegmentedPropertyCategoryCodeSequence = [terms.code_item(terms.ANATOMICAL_STRUCTURE)]
    segment.SegmentedPropertyTypeCodeSequence = [terms.code_item(terms.structure_code(structure))]
    segment.TrackingID = short_text(f"Septum {structure.name}")
    segment.TrackingUID = issue.uid(f"segment {structure.name}")
    colour = highdicom.color.CIELabColor.from_rgb(*structure.colour)
    segment.RecommendedDisplayCIELabValue = list(colour.value)
    return segment


def _add_image_modules(instance: Dataset, source: SourceStudy, segments: list[Dataset]) -> None:
    """Frame of Reference, General Image, Image Pixel but for its size, and Segmentation Image."""
    instance.FrameOfReferenceUID = source.frame_of_reference_uid
    instance.PositionReferenceIndicator = source.position_reference or None
    instance.ImageType = ["DERIVED", "PRIMARY"]
    if source.derivation:
        instance.DerivationDescription = source.derivation
    instance.SamplesPerPixel = 1
    instance.PhotometricInterpretation = "MONOCHROME2"
    instance.BitsAllocated = 1
    instance.BitsStored = 1
    instance.HighBit = 0
    instance.PixelRepresentation = 0
    instance.LossyImageCompression = "00"
    instance.update(source.lossy)
    instance.SegmentationType = "BINARY"
    instance.SegmentsOverlap = "NO"
    instance.ContentLabel = "SEGMENTATION"
    instance.ContentDescription = "Automatic segmentation; for research use only"
    instance.ContentCreatorName = "Septum^"
    instance.SegmentSequence = segments


def _add_frames(
    instance: Dataset, source: SourceStudy, segmentation: Segmentation, planes: list[Plane], issue: Issue
) -> None:
    """Add pixels, functional groups, dimensions, and the images that they refer to.

    Args:
        instance: the object, changed in place.
        source: the study that the mask was drawn on.
        segmentation: mask (T, Z, Y, X).
        planes: image plane of each frame and slice.
        issue: the object's identifiers.
    """
    labels, structures = segmentation.labels, segmentation.schema.structures
    instance.NumberOfFrames = len(planes)
    instance.Rows, instance.Columns = labels.shape[2:]
    masks = np.stack([labels[p.t, p.z] == structures[p.segment - 1].value for p in planes])
    packed = np.packbits(masks, axis=None, bitorder="little").tobytes()  # PS3.5 8.1.1 and annex D
    instance.PixelData = packed + b"\0" * (len(packed) % 2)
    instance["PixelData"].VR = "OB"
    instance.DimensionOrganizationSequence, instance.DimensionIndexSequence = dimensions(
        planes, issue.uid("dimensions")
    )
    instance.SharedFunctionalGroupsSequence = [shared_groups(source, segmentation.geometry)]
    instance.PerFrameFunctionalGroupsSequence = frame_groups(source, planes)
    used = [source.images[p.t][p.z] for p in planes]
    instance.ReferencedSeriesSequence = referenced_series(used, "ReferencedInstanceSequence")
