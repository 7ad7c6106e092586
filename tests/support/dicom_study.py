"""DICOM studies for tests, written with pydicom from arrays; nothing here is shared with the reader."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import Dataset, FileDataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    SecondaryCaptureImageStorage,
)

from septum.phantom import PhantomSettings, beating_heart

if TYPE_CHECKING:
    from pathlib import Path

#: Unit vectors of rows and columns; short axis lies across a heart that points left, forward and down.
SHORT_AXIS = ((0.62, 0.78, -0.08), (-0.39, 0.22, -0.894))
AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
CORONAL = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
SAGITTAL = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
LONG_AXIS = ((0.65, -0.55, -0.52), (0.65, 0.75, 0.02))
ORIGIN_MM = np.array([-70.0, -110.0, 95.0])
#: What must never be told.
SECRETS = ("Known^Somebody", "ID4711", "19600102", "Saint Nowhere", "20200304", "secret words")


@cache
def heart(frames: int = 5, slices: int = 6):
    """A small phantom: 68 x 72 pixels of 3 mm."""
    settings = PhantomSettings(frames=frames, slices=slices, matrix=(68, 72), in_plane_mm=3.0)
    return beating_heart(np.random.default_rng(3), settings)


def unit(vector) -> np.ndarray:
    return np.asarray(vector, float) / np.linalg.norm(vector)


@dataclass
class Sheet:
    """How an array (T, Z, Y, X) lies in the patient, and what its headers say."""

    directions: tuple[tuple[float, ...], tuple[float, ...]] = SHORT_AXIS
    step_mm: float = 10.0
    pixel_mm: tuple[float, float] = (3.0, 3.0)
    origin_mm: np.ndarray = None
    interval_ms: float = 40.0

    @property
    def axes(self):
        row = unit(self.directions[0])
        column = np.asarray(self.directions[1], float)
        column = unit(column - (column @ row) * row)
        return row, column, np.cross(row, column)

    def position(self, z: float) -> np.ndarray:
        origin = ORIGIN_MM if self.origin_mm is None else self.origin_mm
        return origin + z * self.step_mm * self.axes[2]


def base(uid: str, sop_class: str, syntax: str = ExplicitVRLittleEndian) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, uid
    meta.TransferSyntaxUID = syntax
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, uid
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = SECRETS[0], SECRETS[1], SECRETS[2]
    dataset.InstitutionName, dataset.StudyDate, dataset.StudyDescription = SECRETS[3], SECRETS[4], SECRETS[5]
    dataset.PatientSize, dataset.PatientWeight = "1.76", "71.5"
    dataset.StudyInstanceUID, dataset.FrameOfReferenceUID = "1.2.3.1", "1.2.3.2"
    dataset.Modality = "MR"
    return dataset


def with_pixels(dataset: Dataset, array: np.ndarray) -> None:
    dataset.Rows, dataset.Columns = array.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    dataset.PixelData = np.ascontiguousarray(array, "<u2").tobytes()


def images(
    array: np.ndarray,
    sheet: Sheet | None = None,
    *,
    series: int = 5,
    per_slice: bool = False,
    uid: str = "1.2.3",
) -> list[list[FileDataset]]:
    """Single-frame MR objects [t][z] of stored values (T, Z, Y, X)."""
    sheet = sheet or Sheet()
    row, column, _ = sheet.axes
    made = []
    for t in range(array.shape[0]):
        made.append([])
        for z in range(array.shape[1]):
            number = series + z if per_slice else series
            one = base(f"{uid}.{series}.{z + 1}.{t + 1}", MRImageStorage)
            one.SeriesInstanceUID, one.SeriesNumber = f"1.2.3.9.{number}", number
            one.SeriesDescription = "secret words cine"
            one.InstanceNumber = t + 1 if per_slice else z * array.shape[0] + t + 1
            one.AcquisitionNumber, one.AcquisitionTime = 1, f"10{number // 60:02d}{number % 60:02d}.{z:02d}"
            one.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
            one.ScanningSequence, one.EchoTime = "GR", "1.2"
            one.ImagePositionPatient = [f"{v:.6f}" for v in sheet.position(z)]
            one.ImageOrientationPatient = [f"{v:.9f}" for v in (*row, *column)]
            one.PixelSpacing = list(sheet.pixel_mm)
            one.SliceThickness = "8"  # not the distance of slices
            one.TriggerTime = f"{t * sheet.interval_ms + 3:.3f}"
            one.NominalInterval, one.CardiacNumberOfImages = "900", array.shape[0]
            one.RescaleSlope, one.RescaleIntercept = "2", "-10"
            with_pixels(one, array[t, z])
            made[-1].append(one)
    return made


def flat(made: list[list[FileDataset]]) -> list[FileDataset]:
    return [one for row in made for one in row]


def write(folder: Path, objects: list[FileDataset], seed: int = 0) -> Path:
    """Files in an order and with names that tell nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    there = len(list(folder.iterdir()))
    for number, i in enumerate(np.random.default_rng(seed).permutation(len(objects))):
        objects[i].save_as(folder / f"IM{there + number:04d}", enforce_file_format=True)
    return folder


def stored(frames: int = 5, slices: int = 6) -> np.ndarray:
    return heart(frames, slices).cine.array.astype(np.uint16)


def write_cine(
    folder: Path, array: np.ndarray | None = None, sheet: Sheet | None = None, **options: Any
) -> Path:
    return write(folder, flat(images(stored() if array is None else array, sheet, **options)))


def localisers(series: int = 1) -> list[FileDataset]:
    """Three slices in each of three directions along the patient's axes."""
    found = []
    for i, directions in enumerate((AXIAL, CORONAL, SAGITTAL)):
        made = images(stored(1, 3), Sheet(directions, step_mm=20.0), series=series, uid=f"1.2.4.{i}")
        found += flat(made)
    return found


def screenshot() -> FileDataset:
    one = base("1.2.5.1", SecondaryCaptureImageStorage)
    one.SeriesInstanceUID = "1.2.3.9.99"
    one.Rows, one.Columns, one.SamplesPerPixel = 8, 8, 3
    one.PhotometricInterpretation, one.PlanarConfiguration = "RGB", 0
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 8, 8, 7, 0
    one.PixelData = bytes(192)
    return one


def sequence(**values: Any) -> Sequence:
    one = Dataset()
    for keyword, value in values.items():
        setattr(one, keyword, value)
    return Sequence([one])


def enhanced(
    array: np.ndarray, sheet: Sheet | None = None, syntax: str = ExplicitVRLittleEndian
) -> FileDataset:
    """One enhanced multi-frame object, slices outermost and from the last to the first."""
    sheet = sheet or Sheet()
    row, column, _ = sheet.axes
    one = base("1.2.6.1", EnhancedMRImageStorage, syntax)
    one.SeriesInstanceUID, one.SeriesNumber, one.InstanceNumber = "1.2.3.9.7", 7, 1
    one.ImageType = ["ORIGINAL", "PRIMARY", "CARDIAC", "NONE"]
    order = [(t, z) for z in reversed(range(array.shape[1])) for t in range(array.shape[0])]
    one.NumberOfFrames = len(order)
    shared = Dataset()
    shared.PlaneOrientationSequence = sequence(ImageOrientationPatient=[f"{v:.9f}" for v in (*row, *column)])
    shared.PixelMeasuresSequence = sequence(PixelSpacing=list(sheet.pixel_mm), SliceThickness=8)
    shared.PixelValueTransformationSequence = sequence(RescaleSlope=2, RescaleIntercept=-10, RescaleType="US")
    one.SharedFunctionalGroupsSequence = Sequence([shared])
    groups = []
    for t, z in order:
        own = Dataset()
        own.PlanePositionSequence = sequence(ImagePositionPatient=[f"{v:.6f}" for v in sheet.position(z)])
        own.FrameContentSequence = sequence(
            TemporalPositionIndex=t + 1, StackID="1", InStackPositionNumber=z + 1
        )
        own.CardiacSynchronizationSequence = sequence(
            NominalCardiacTriggerDelayTime=t * sheet.interval_ms + 3, RRIntervalTimeNominal=900.0
        )
        groups.append(own)
    one.PerFrameFunctionalGroupsSequence = Sequence(groups)
    with_pixels(one, np.stack([array[t, z] for t, z in order]))
    return one
