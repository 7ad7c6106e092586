"""Clinical indices as a DICOM measurement report: TID 1500 of PS3.16 in a Comprehensive SR."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from highdicom import sr
from pydicom import Dataset
from pydicom.uid import ComprehensiveSRStorage, SegmentationStorage

from septum.core import OutputError
from septum.io.dicom.headers import quiet
from septum.io.dicom.objects import terms
from septum.io.dicom.objects.instances import (
    DEVICE_UID,
    MANUFACTURER,
    NEW,
    NO_DATE,
    SOFTWARE_VERSION,
    Series,
    new_instance,
    referenced_series,
    short_text,
    write_instance,
)
from septum.io.dicom.objects.normal_range import properties_of
from septum.io.dicom.objects.source_images import SourceImage, read_source

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pydicom.sr.coding import Code

    from septum.core import Comparison, Index, Indices, Study, WallThickness
    from septum.io.dicom.objects.instances import Algorithm, Issue, Reader
    from septum.io.dicom.objects.pseudonyms import Pseudonyms
    from septum.io.dicom.objects.segmentation import SegmentationReference, SegmentReference
    from septum.io.dicom.objects.source_images import SourceStudy

_SERIES_NUMBER = 9002
#: Digits after the point, as in the JSON and the table of the same indices.
_DIGITS = 4


_Group = sr.VolumetricROIMeasurementsAndQualitativeEvaluations | sr.MeasurementsAndQualitativeEvaluations


@dataclass(frozen=True)
class _Value:
    """A number to tell: of which structure, part of it and point of the beat, and beside what range."""

    site: Code
    name: Code
    value: float
    unit: Code
    at: Code | None = None
    part: Code | None = None
    properties: sr.MeasurementProperties | None = None


@quiet()
def write_measurement_report(  # noqa: PLR0913  # what the report is of, and what stands beside it
    path: Path,
    indices: Indices,
    study: Study,
    segmentation: SegmentationReference,
    algorithm: Algorithm,
    *,
    deidentify: Pseudonyms | None = None,
    source: SourceStudy | None = None,
    reader: Reader | None = None,
    comparison: Comparison | None = None,
    issue: Issue = NEW,
) -> None:
    """Write the indices in coded terms, each with the segment that it was measured in.

    One group of measurements (TID 1411) for each structure names the segment, the source images, the model
    and the values with UCUM units. Wall thickness has the AHA segment as its finding site; it and the mass
    say the point of the cardiac cycle. Stroke volume and cardiac output are also given by body surface area,
    and the heart rate in a group of its own (TID 1501). Numbers are those of the JSON, with four digits after
    the point. A measurement that was compared with reference ranges has its range as properties (TID 310).

    Args:
        path: of the file.
        indices: all indices of the study.
        study: as read from DICOM.
        segmentation: what ``write_dicom_segmentation`` returned.
        algorithm: model that made the mask.
        deidentify: the pseudonyms that the segmentation was written with.
        source: of ``study``, where it has been read.
        reader: who has corrected the mask or verified the numbers.
        comparison: of the indices with reference ranges, if there is one.
        issue: its identifiers, and what is added to its series.

    Raises:
        OutputError: the study is not from DICOM, no index has a coded term, or nothing can be written.
        InputError: a source image cannot be read again.
    """
    known = source or read_source(study)
    source = known if deidentify is None else deidentify.of(known)
    values = [*_values(indices.items, comparison), *_of_the_wall(indices.wall)]
    groups: list[_Group] = [
        _group(segment, those, segmentation, source, algorithm)
        for segment in segmentation.segments.values()
        if (those := [value for value in values if value.site == segment.site])
    ]
    if not groups:
        raise OutputError(
            f"{path} is not written: a measurement report needs an index of a structure of the segmentation, "
            "and none has a value; look into the notes on the indices, or do without the report."
        )
    if indices.heart_rate_bpm is not None:
        groups.append(_heart_rate(indices.heart_rate_bpm.value, issue.uid("heart rate")))
    seen = _observer(reader, deidentified=source.deidentified)
    report = sr.MeasurementReport(seen, terms.CARDIAC_MRI, imaging_measurements=groups)
    instance = new_instance(str(ComprehensiveSRStorage), source, _series(algorithm), issue)
    _add_document(instance, source, segmentation)
    _add_verification(instance, reader, deidentified=source.deidentified)
    for element in report[0]:
        instance.add(element)
    write_instance(path, instance)


def _series(algorithm: Algorithm) -> Series:
    return Series("SR", _SERIES_NUMBER, f"Septum indices, {algorithm.name}")


def _values(items: Iterable[Index], comparison: Comparison | None) -> Iterable[_Value]:
    for item in items:
        compared = None if comparison is None else comparison.item(item.key)
        term = terms.INDICES.get(item.key)
        if term is None:
            continue
        if item.value is not None and math.isfinite(item.value):
            beside = None
            if comparison is not None and compared is not None:
                beside = properties_of(compared, comparison, term.unit)
            yield _Value(term.site, term.name, item.value, term.unit, term.at, properties=beside)
        if item.indexed is not None and term.indexed is not None and math.isfinite(item.indexed):
            yield _Value(term.site, term.indexed, item.indexed, terms.BY_AREA[term.unit.value])


def _of_the_wall(wall: WallThickness | None) -> Iterable[_Value]:
    if wall is None:
        return
    for field, term in terms.WALL.items():
        for part, value in zip(terms.SEGMENTS, getattr(wall, field), strict=True):
            if value is not None and math.isfinite(value):
                yield _Value(term.site, term.name, value, term.unit, term.at, part)


def _group(
    segment: SegmentReference,
    values: list[_Value],
    segmentation: SegmentationReference,
    source: SourceStudy,
    algorithm: Algorithm,
) -> sr.VolumetricROIMeasurementsAndQualitativeEvaluations:
    """The measurements in one segment."""
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=segment.tracking_uid, identifier=segment.tracking_id),
        referenced_segment=sr.ReferencedSegment(
            sop_class_uid=str(SegmentationStorage),
            sop_instance_uid=segmentation.sop_instance_uid,
            segment_number=segment.number,
            source_images=[
                sr.SourceImageForSegmentation(i.sop_class_uid, i.sop_instance_uid) for i in source.instances()
            ],
        ),
        finding_type=segment.site,
        finding_sites=[sr.FindingSite(anatomic_location=segment.site)],
        algorithm_id=sr.AlgorithmIdentification(
            name=short_text(algorithm.name), version=short_text(algorithm.version)
        ),
        measurements=[_measurement(value) for value in values],
    )


def _heart_rate(beats_per_minute: float, tracking_uid: str) -> sr.MeasurementsAndQualitativeEvaluations:
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=tracking_uid, identifier="Septum heart rate"),
        finding_sites=[sr.FindingSite(anatomic_location=terms.HEART)],
        measurements=[
            _measurement(_Value(terms.HEART, terms.HEART_RATE, beats_per_minute, terms.PER_MINUTE))
        ],
    )


def _measurement(value: _Value) -> sr.Measurement:
    """A number (TID 300)."""
    told = sr.Measurement(
        name=value.name,
        value=round(value.value, _DIGITS),
        unit=value.unit,
        properties=value.properties,
        finding_sites=None if value.part is None else [sr.FindingSite(anatomic_location=value.part)],
    )
    if value.at is not None:
        point = sr.CodeContentItem(
            terms.CARDIAC_CYCLE_POINT, value.at, sr.RelationshipTypeValues.HAS_CONCEPT_MOD
        )
        told[0].ContentSequence = [point, *told[0].get("ContentSequence", [])]
    return told


def _observer(reader: Reader | None, *, deidentified: bool) -> sr.ObservationContext:
    """The program, and the person who has corrected or verified what it made."""
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=DEVICE_UID,
        name=MANUFACTURER,
        manufacturer_name=MANUFACTURER,
        model_name=f"{MANUFACTURER} {SOFTWARE_VERSION}",
    )
    observer = sr.ObserverContext(
        observer_type=sr.CodedConcept.from_code(terms.DEVICE), observer_identifying_attributes=device
    )
    if reader is None or not reader.name:
        return sr.ObservationContext(observer_device_context=observer)
    person = sr.ObserverContext(
        observer_type=sr.CodedConcept.from_code(terms.PERSON),
        observer_identifying_attributes=sr.PersonObserverIdentifyingAttributes(
            name=reader.person_name(deidentified=deidentified)
        ),
    )
    return sr.ObservationContext(observer_person_context=person, observer_device_context=observer)


def _add_verification(instance: Dataset, reader: Reader | None, *, deidentified: bool) -> None:
    """Say who has verified the document, and when, if somebody has (PS3.3 C.17.2)."""
    if reader is None or reader.verified_at is None:
        return
    at = NO_DATE if deidentified else reader.verified_at
    instance.VerificationFlag = "VERIFIED"
    instance.PreliminaryFlag = "FINAL"
    observer = Dataset()
    observer.VerifyingObserverName = reader.person_name(deidentified=deidentified)
    observer.VerifyingObserverIdentificationCodeSequence = []
    observer.VerifyingOrganization = "not stated"
    observer.VerificationDateTime = at.strftime("%Y%m%d%H%M%S")
    instance.VerifyingObserverSequence = [observer]


def _add_document(instance: Dataset, source: SourceStudy, segmentation: SegmentationReference) -> None:
    """SR Document Series and General (PS3.3 C.17.1 and C.17.2), with all objects that the content names."""
    instance.CompletionFlag = "COMPLETE"
    instance.VerificationFlag = "UNVERIFIED"
    instance.PreliminaryFlag = "PRELIMINARY"
    instance.PerformedProcedureCodeSequence = []
    instance.ReferencedPerformedProcedureStepSequence = []
    own = SourceImage(
        sop_class_uid=str(SegmentationStorage),
        sop_instance_uid=segmentation.sop_instance_uid,
        series_instance_uid=segmentation.series_instance_uid,
        frame_number=None,
        position_mm=(0.0, 0.0, 0.0),
    )
    evidence = Dataset()
    evidence.StudyInstanceUID = source.study_instance_uid
    evidence.ReferencedSeriesSequence = referenced_series([own, *source.instances()], "ReferencedSOPSequence")
    instance.CurrentRequestedProcedureEvidenceSequence = [evidence]
