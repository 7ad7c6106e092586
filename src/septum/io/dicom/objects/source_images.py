"""What a DICOM object takes over from the images that it was made from: who, which study, where."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pydicom
from pydicom import Dataset
from pydicom.dataelem import DataElement

from septum.core import InputError, OutputError
from septum.io.dicom.headers import quiet
from septum.io.dicom.references import DicomHeader

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from septum.core import Study
    from septum.core.geometry import Triple
    from septum.io.dicom.references import FrameReference

#: Attributes of the Patient and General Study modules that must be there, empty if need be (PS3.3, type 2).
REQUIRED = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
)
#: Attributes that go along where the source has them.
OPTIONAL = (
    "IssuerOfPatientID",
    "StudyDescription",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "LongitudinalTemporalInformationModified",
    "ClinicalTrialSponsorName",
    "ClinicalTrialProtocolID",
    "ClinicalTrialProtocolName",
    "ClinicalTrialSiteID",
    "ClinicalTrialSiteName",
    "ClinicalTrialSubjectID",
    "ClinicalTrialSubjectReadingID",
)
#: How far the image may already have lost detail: an object that is made from it must say so.
LOSSY = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")
_PLACE = (
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
    "ImagePositionPatient",
    "SliceThickness",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)
_TAGS = ["SpecificCharacterSet", *REQUIRED, *OPTIONAL, *LOSSY, *_PLACE]


class UnfitSourceError(OutputError):
    """DICOM objects cannot refer to the images of a study.

    Attributes:
        reason: what was expected of the images and what they have, as the end of a sentence.

    >>> UnfitSourceError("expected one study.").reason
    'expected one study.'
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the DICOM objects cannot be written: {reason}")
        self.reason = reason


@dataclass(frozen=True)
class SourceImage:
    """One frame of a source image.

    Attributes:
        sop_class_uid, sop_instance_uid, series_instance_uid: of the image.
        frame_number: from 1; ``None`` in an image of a single frame.
        position_mm: patient position (x, y, z) of the centre of its first pixel, in mm.
    """

    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    frame_number: int | None
    position_mm: Triple


@dataclass(frozen=True)
class SourceStudy:
    """What objects take over from their source.

    Attributes:
        attributes: of patient and study; text is decoded.
        study_instance_uid: of all images.
        frame_of_reference_uid: of all images; where they do not name one, that which stands for it.
        derivation: a sentence on that, for the objects; empty where all images name one.
        position_reference: Position Reference Indicator, often empty.
        images: [t][z], in the order of the labels.
        slice_thickness_mm: as the first image tells it.
        lossy: elements on lossy compression.
        deidentified: whether it holds pseudonyms.
    """

    attributes: Dataset
    study_instance_uid: str
    frame_of_reference_uid: str
    position_reference: str
    images: tuple[tuple[SourceImage, ...], ...]
    slice_thickness_mm: float | None
    lossy: Dataset
    derivation: str = ""
    deidentified: bool = False

    def instances(self) -> list[SourceImage]:
        """One entry for each image, whatever its number of frames."""
        return list({i.sop_instance_uid: i for stack in self.images for i in stack}.values())


def read_source(study: Study) -> SourceStudy:
    """Read what objects take over from the files that a study came from.

    A study that was read as one image lies in one space, whatever its headers call it. De-identification may
    leave a frame of reference for each image, or none; objects then have one that stands for all.

    Raises:
        OutputError: the study did not come from DICOM, or its images belong to several studies; or they name
            no series, or no identifier of their own.
        InputError: a source image cannot be read any more.
    """
    header = _header_of(study)
    paths = dict.fromkeys(frame.path for stack in header.frames for frame in stack)
    with quiet():
        datasets = {path: _read(path) for path in paths}
        _check_identifiers(header, datasets.values())
        first = datasets[header.frames[0][0].path]
        positions = _Positions(study, datasets)
        study_uid = _study_of(datasets.values())
        space_uid, derivation = _space_of(datasets.values(), study_uid)
        return SourceStudy(
            attributes=_copied(first, (*REQUIRED, *OPTIONAL)),
            study_instance_uid=study_uid,
            frame_of_reference_uid=space_uid,
            position_reference=str(first.get("PositionReferenceIndicator") or ""),
            images=tuple(
                tuple(
                    SourceImage(
                        sop_class_uid=frame.sop_class_uid,
                        sop_instance_uid=frame.sop_instance_uid,
                        series_instance_uid=str(datasets[frame.path].SeriesInstanceUID),
                        frame_number=frame.frame_number,
                        position_mm=positions.of(frame, z),
                    )
                    for z, frame in enumerate(stack)
                )
                for stack in header.frames
            ),
            slice_thickness_mm=_slice_thickness_mm(first),
            lossy=_copied(first, LOSSY),
            derivation=derivation,
        )


def _header_of(study: Study) -> DicomHeader:
    if isinstance(study.header, DicomHeader):
        return study.header
    raise OutputError(
        "DICOM objects refer to the DICOM images that they were made from, and this input is not a DICOM "
        "study; give the DICOM files as input, or do without DICOM output."
    )


#: What tells people who was examined, and when.
_IDENTITY = {
    "Name": "PatientName",
    "ID": "PatientID",
    "Born": "PatientBirthDate",
    "Sex": "PatientSex",
    "Examined": "StudyDate",
    "Accession number": "AccessionNumber",
}

#: A date of DICOM, or of ACR-NEMA before it.
_DATE = re.compile(r"^(\d{4})\.?(\d{2})\.?(\d{2})$")
#: A date that a de-identifier has emptied.
_NO_DATE = re.compile(r"^0{4}\.?0{2}\.?0{2}$|^0+$")


def identity_of(study: Study) -> dict[str, str]:
    """Who was examined and when, for a page that is to say so; dates as in ISO 8601, ``1958-02-03``.

    The first image states it. A date that is none in DICOM's form stays as the header writes it; one of
    zeros is none at all.

    Raises:
        OutputError: the study did not come from DICOM.
        InputError: that image cannot be read any more.
    """
    with quiet():
        attributes = _copied(_read(_header_of(study).frames[0][0].path), REQUIRED)
    told = {}
    for title, keyword in _IDENTITY.items():
        text = str(attributes.get(keyword) or "").strip()
        if keyword == "PatientName":
            text = ", ".join(part for part in text.split("^") if part)
        if keyword.endswith("Date"):
            text = "" if _NO_DATE.match(text) else _DATE.sub(r"\1-\2-\3", text)
        told[title] = text
    return {title: text for title, text in told.items() if text}


class _Positions:
    """Patient positions of the first pixel of frames: the source's own, or those of the grid."""

    def __init__(self, study: Study, datasets: dict[Path, Dataset]) -> None:
        self._geometry = study.cine.geometry
        self._datasets = datasets

    def of(self, frame: FrameReference, z: int) -> Triple:
        """Position (x, y, z) in mm of a frame that is slice ``z``."""
        dataset = self._datasets[frame.path]
        own = dataset.get("ImagePositionPatient")
        if own is None and frame.frame_number is not None:
            group = _group(dataset, frame.frame_number - 1, "PlanePositionSequence")
            own = None if group is None else group.get("ImagePositionPatient")
        if own is None:
            own = self._geometry.to_patient_mm((z, 0, 0))
        x_mm, y_mm, z_mm = (float(value) for value in own)
        return (x_mm, y_mm, z_mm)


def _read(path: Path) -> Dataset:
    try:
        with path.open("rb") as stream:
            dataset = pydicom.dcmread(stream, stop_before_pixels=True, force=True, specific_tags=list(_TAGS))
    except (OSError, pydicom.errors.InvalidDicomError, EOFError) as error:
        raise InputError(
            "one of the DICOM images of this study cannot be read again: expected the file that was "
            "segmented, and it is gone or changed; put it back, and run again."
        ) from error
    return dataset


def _group(dataset: Dataset, index: int, keyword: str) -> Dataset | None:
    """The item of a functional group of a frame (from 0), be it its own or shared."""
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    for groups in (per_frame[index : index + 1], shared[:1]):
        for group in groups:
            if group.get(keyword):
                item: Dataset = group.get(keyword)[0]
                return item
    return None


def _slice_thickness_mm(dataset: Dataset) -> float | None:
    thickness = dataset.get("SliceThickness")
    if thickness is None:
        measures = _group(dataset, 0, "PixelMeasuresSequence")
        thickness = None if measures is None else measures.get("SliceThickness")
    return float(thickness) if thickness else None


def _copied(source: Dataset, keywords: Iterable[str]) -> Dataset:
    """Elements of ``source``, decoded. What it lacks, or has in no valid form, is empty or left out."""
    copy = Dataset()
    for keyword in keywords:
        try:
            element = _element(keyword, source.get(keyword))
        except (ValueError, TypeError, ArithmeticError):  # such as a weight that is no number
            element = _element(keyword, None)
        if keyword in REQUIRED or not element.is_empty:
            copy.add(element)
    return copy


def _element(keyword: str, value: object) -> DataElement:
    """An element of a value that came from elsewhere: too long or ill-formed, it stays as it is."""
    decoded = str(value) if isinstance(value, pydicom.valuerep.PersonName) else value
    vr = pydicom.datadict.dictionary_VR(keyword)
    return DataElement(keyword, vr, decoded, validation_mode=pydicom.config.IGNORE)


def _check_identifiers(header: DicomHeader, datasets: Iterable[Dataset]) -> None:
    """Refuse images that cannot be referred to: references need a series, and an identifier of each file."""
    if not all(dataset.get("SeriesInstanceUID") for dataset in datasets):
        raise UnfitSourceError(
            "expected a SeriesInstanceUID in all images of the study, "
            "and some have none; give the images as the scanner exported them."
        )
    path_of: dict[str, Path] = {}
    for frame in (frame for stack in header.frames for frame in stack):
        uid = frame.sop_instance_uid
        if not uid or path_of.setdefault(uid, frame.path) != frame.path:
            what = "several share one" if uid else "some have none"
            raise UnfitSourceError(
                "expected a SOPInstanceUID of its own in each image of "
                f"the study, and {what}; give the images as the scanner exported them."
            )


def _study_of(datasets: Iterable[Dataset]) -> str:
    """The UID of the study that all images name."""
    found = {str(dataset.get("StudyInstanceUID") or "") for dataset in datasets}
    if len(found) != 1 or found == {""}:
        what = "no" if found == {""} else f"{len(found)} different values of"
        raise UnfitSourceError(
            "expected one StudyInstanceUID in all images of the study, "
            f"and they have {what} StudyInstanceUID; give images of one study."
        )
    return found.pop()


def _space_of(datasets: Collection[Dataset], study_uid: str) -> tuple[str, str]:
    """The frame of reference of objects, and a sentence where the images do not name it alone.

    Of several it is the one that occurs most often, the first of equals. In place of none it is a UID of
    version 5 (PS3.5 B.2) by the study's, so that objects of one study lie in one space.
    """
    named = Counter(str(dataset.get("FrameOfReferenceUID") or "") for dataset in datasets)
    unnamed = named.pop("", 0)
    if not named:
        text = "The source images name no frame of reference: the one of this object stands for it."
        return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, study_uid).int}", text
    (space_uid, often), *rest = named.most_common(2)
    if len(named) == 1 and not unnamed:
        return space_uid, ""
    which = f"{len(named)} frames of reference" if len(named) > 1 else "a frame of reference in part"
    if 2 * often > len(datasets):
        of = "that of most of them"
    elif not rest or often > rest[0][1]:
        of = "the one that most often occurs"
    else:
        of = "the first of them"
    return space_uid, f"The source images name {which}, and their positions agree: the object has {of}."
