"""Small DICOM studies of a phantom heart, as a scanner would store them, with an identified patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

from septum.core import VENTRICLES, Cine, Geometry, Segmentation, Study
from septum.io.dicom import DicomHeader, FrameReference

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (4, 5, 45, 37)  # (T, Z, Y, X), with planes that are no whole number of bytes
SPACING_MM = (8.0, 1.5, 1.25)
#: All that must not be found again in de-identified output, with the UIDs of the study.
IDENTIFYING = {
    "PatientName": "Müller^Änne",
    "PatientID": "HOSP-4711",
    "PatientBirthDate": "19510203",
    "StudyDate": "20230405",
    "StudyTime": "101112",
    "AccessionNumber": "ACC-815",
    "StudyID": "ST-99",
    "ReferringPhysicianName": "Hopper^Grace",
    "StudyDescription": "Cardiomyopathy follow-up",
    "InstitutionName": "Mercy Hospital",
    "PatientAge": "072Y",
}


@dataclass(frozen=True)
class Written:
    """A study with its mask, and its UIDs."""

    study: Study
    segmentation: Segmentation
    uids: frozenset[str]


def oblique_geometry() -> Geometry:
    """A short axis: rows, columns and normal each lean, right-handed as DICOM's slices are."""
    row = np.array([0.8, 0.6, 0.0])
    column = np.array([-0.36, 0.48, 0.8])
    normal = np.cross(row, column)
    direction = tuple(tuple(float(v) for v in line) for line in np.column_stack([normal, column, row]))
    return Geometry(SHAPE[1:], SPACING_MM, (-31.25, 12.5, 101.75), direction)


def beating_labels() -> np.ndarray:
    """(T, Z, Y, X): a left ventricle in its wall, and a right one beside it that ends one slice earlier."""
    t, z, y, x = np.ogrid[tuple(slice(n) for n in SHAPE)]
    radius = 9.0 - 1.5 * np.minimum(t, 4 - t) - 0.6 * z
    r = np.hypot((y - 22) * 1.5, (x - 20) * 1.25)
    labels = np.zeros(SHAPE, np.uint8)
    labels[np.broadcast_to((np.hypot((y - 20) * 1.5, (x - 10) * 1.25) < radius) & (z < 4), SHAPE)] = 1
    labels[np.broadcast_to((r < radius + 5) & (z < 5), SHAPE)] = 2
    labels[np.broadcast_to((r < radius) & (z > 0), SHAPE)] = 3
    return labels


def write_classic(folder: Path, *, series_for_each_slice: bool = True) -> Written:
    """One file for each slice and phase; each slice is a series, as many scanners make it."""
    geometry, uids = oblique_geometry(), _Uids()
    series = [generate_uid(prefix=None) for _ in range(SHAPE[1] if series_for_each_slice else 1)]
    frames = []
    for t in range(SHAPE[0]):
        stack = []
        for z in range(SHAPE[1]):
            image = _image(MRImageStorage, uids, series[z % len(series)])
            image.ImagePositionPatient = [round(float(v), 6) for v in geometry.to_patient_mm((z, 0, 0))]
            image.ImageOrientationPatient = _orientation(geometry)
            image.PixelSpacing = list(SPACING_MM[1:])
            image.SliceThickness = 6.0
            image.TriggerTime = 40.0 * t
            path = folder / f"{t}-{z}.dcm"
            _save(image, path)
            stack.append(FrameReference(path, image.SOPClassUID, image.SOPInstanceUID, None))
            uids.add(image)
        frames.append(tuple(stack))
    return _written(geometry, frames, uids)


def write_enhanced(folder: Path) -> Written:
    """One multi-frame image of all slices and phases, phase by phase within each slice."""
    geometry, uids = oblique_geometry(), _Uids()
    image = _image(EnhancedMRImageStorage, uids, generate_uid(prefix=None))
    orientation, measures, shared = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = _orientation(geometry)
    measures.PixelSpacing, measures.SliceThickness = list(SPACING_MM[1:]), 6.0
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
    image.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for z in range(SHAPE[1]):
        for _ in range(SHAPE[0]):
            position, group = Dataset(), Dataset()
            position.ImagePositionPatient = [round(float(v), 6) for v in geometry.to_patient_mm((z, 0, 0))]
            group.PlanePositionSequence = [position]
            groups.append(group)
    image.PerFrameFunctionalGroupsSequence = groups
    image.NumberOfFrames = len(groups)
    path = folder / "enhanced.dcm"
    _save(image, path)
    uids.add(image)
    frames = [
        tuple(
            FrameReference(path, image.SOPClassUID, image.SOPInstanceUID, z * SHAPE[0] + t + 1)
            for z in range(SHAPE[1])
        )
        for t in range(SHAPE[0])
    ]
    return _written(geometry, frames, uids)


class _Uids:
    """UIDs of a study."""

    def __init__(self) -> None:
        self.study, self.frame_of_reference = generate_uid(prefix=None), generate_uid(prefix=None)
        self.found: set[str] = {self.study, self.frame_of_reference}

    def add(self, image: Dataset) -> None:
        self.found |= {image.SOPInstanceUID, image.SeriesInstanceUID}


def _image(sop_class: str, uids: _Uids, series: str) -> Dataset:
    image = Dataset()
    image.SpecificCharacterSet = "ISO_IR 100"
    for keyword, value in IDENTIFYING.items():
        setattr(image, keyword, value)
    image.PatientSex = "F"
    image.StudyInstanceUID, image.SeriesInstanceUID = uids.study, series
    image.FrameOfReferenceUID, image.PositionReferenceIndicator = uids.frame_of_reference, ""
    image.SOPClassUID, image.SOPInstanceUID = sop_class, generate_uid(prefix=None)
    image.Modality, image.Manufacturer = "MR", "Scanner works"
    image.Rows, image.Columns = SHAPE[2:]
    return image


def _orientation(geometry: Geometry) -> list[float]:
    columns = np.asarray(geometry.direction)
    return [round(float(v), 6) for v in (*columns[:, 2], *columns[:, 1])]


def _save(image: Dataset, path: Path) -> None:
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.save_as(path, enforce_file_format=True)


def _written(geometry: Geometry, frames: list, uids: _Uids) -> Written:
    cine = Cine(np.zeros(SHAPE, np.float32), geometry, frame_interval_ms=40.0)
    study = Study(cine, sha256="0" * 64, header=DicomHeader(frames=tuple(frames)))
    return Written(study, Segmentation(beating_labels(), geometry, VENTRICLES), frozenset(uids.found))
