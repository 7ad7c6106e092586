"""Headers of the DICOM files of a folder, without their pixels, as frames; and what was passed over."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydicom.tag import Tag

from septum.core import InputError
from septum.io.dicom.finding import dicom_files
from septum.io.dicom.headers import quiet, read_header, text, values_of, whole, words
from septum.io.dicom.native import NATIVE_TAGS, native_pixels
from septum.io.dicom.parsing import SINGLE_TAGS, frame_of, frames_of_enhanced

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset

    from septum.io.dicom.frames import DicomFrame

#: Bounds of what is believed of an image, before anything of its size is allocated.
MOST_PIXELS = 2**24
MOST_FRAMES = 20_000
#: Modalities of what was made of images: segmentations, reports, annotations.
_RESULTS = ("SEG", "SR", "PR", "KO", "RTSTRUCT", "DOC")
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
#: MR images: of a single frame, enhanced, enhanced in colours, converted to enhanced ones. Spectra are none.
MR_IMAGES = [f"1.2.840.10008.5.1.4.1.1.4{ending}" for ending in ("", ".1", ".3", ".4")]
_NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")

_IMAGE_TAGS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "ComplexImageComponent",
    "AcquisitionContrast",
    "EchoPulseSequence",
    "SteadyStatePulseSequence",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
]
#: As tags, for a keyword would be looked up anew for each file.
_TAGS: list[Any] = [Tag(keyword) for keyword in (*_IMAGE_TAGS, *NATIVE_TAGS, *SINGLE_TAGS)]

#: Why a file is passed over, in the order in which it is shown.
OTHER_MODALITY = "of another modality"
NO_IMAGE = "without an image"
SCREENSHOT = "screenshots or colours"
NO_POSITION = "without a position in the patient"
CUT_SHORT = "cut short"
DAMAGED = "damaged"


@dataclass(frozen=True)
class ScannedFolder:
    """What a folder holds.

    Attributes:
        frames: MR images with a place in the patient, in the order of the files' paths.
        passed_over: number of DICOM files by the reason for which they are not among them.
        files: number of DICOM files.
    """

    frames: tuple[DicomFrame, ...]
    passed_over: dict[str, int]
    files: int

    @property
    def damaged(self) -> int:
        """Number of files that would be images were they whole."""
        return self.passed_over.get(DAMAGED, 0) + self.passed_over.get(CUT_SHORT, 0)

    def told(self) -> str:
        """What was passed over, for a sentence: ``2 of another modality, 1 damaged``."""
        order = (OTHER_MODALITY, NO_IMAGE, SCREENSHOT, NO_POSITION, CUT_SHORT, DAMAGED)
        return ", ".join(f"{self.passed_over[why]} {why}" for why in order if why in self.passed_over)


def scan(path: Path) -> ScannedFolder:
    """Read the headers of all DICOM files below a folder, or of one file.

    Raises:
        InputError: there is none, or the folder cannot be read.
    """
    files = list(dicom_files(path))
    if not files:
        raise InputError(
            f"{path} holds no DICOM file: expected those of a cardiac MR study; give the folder that holds "
            "them."
        )
    frames: list[DicomFrame] = []
    reasons: Counter[str] = Counter()
    with quiet():
        for file in files:
            found = _frames_of(file)
            if isinstance(found, str):
                reasons[found] += 1
            else:
                frames += found
    return ScannedFolder(tuple(frames), dict(reasons), len(files))


def study_of(file: Path) -> tuple[str, bool] | None:
    """Tell the UID of a file's study and whether the file is a result, not an image.

    The UID is empty where the file names none. Of a file that is too damaged to say, give ``None``.
    """
    with quiet():  # values are made of their bytes when they are asked for
        try:
            header = read_header(file, ["StudyInstanceUID", "Modality", "SOPClassUID", "Rows"]).elements
        except Exception:  # noqa: BLE001  # as in _frames_of
            return None
        uid, modality = text(header, "StudyInstanceUID"), text(header, "Modality")
        told = uid or (modality and values_of(header, "Rows"))  # cut short, it ends before it tells all these
    return (uid, modality in _RESULTS) if told or modality in _RESULTS else None


def _frames_of(file: Path) -> list[DicomFrame] | str:
    """The frames of one file, or why there is none."""
    try:
        read = read_header(file, _TAGS)
        header = read.elements
        refusal = _refusal(file, header)
        if refusal is not None:
            return refusal
        frames = frames_of_enhanced(file, header)
        if not frames and (whole(header, "NumberOfFrames") or 1) == 1:
            one = frame_of(file, header)
            frames = [] if one is None else [replace(one, native=native_pixels(read))]
    except Exception:  # noqa: BLE001  # there is no end to what a damaged file makes a library raise
        return DAMAGED
    return frames or NO_POSITION


def _refusal(file: Path, header: Dataset) -> str | None:
    """Why a file is no grey MR image that can be read, if it is none."""
    modality = "".join(words(header, "Modality"))
    sop_class = text(header, "SOPClassUID") or str(header.file_meta.get("MediaStorageSOPClassUID", ""))
    is_mr_image = sop_class in MR_IMAGES
    rows, columns = whole(header, "Rows"), whole(header, "Columns")
    grey = "".join(words(header, "PhotometricInterpretation")).startswith("MONOCHROME")
    checks = (
        (bool(modality or sop_class or values_of(header, "Rows")), DAMAGED),
        (bool(values_of(header, "Rows")) or not is_mr_image, CUT_SHORT),
        (not sop_class.startswith(_SECONDARY_CAPTURE), SCREENSHOT),
        (modality == "MR" or (not modality and is_mr_image), OTHER_MODALITY),
        (rows is not None and columns is not None, NO_IMAGE),
        (grey and (whole(header, "SamplesPerPixel") or 1) == 1, SCREENSHOT),
    )
    for holds, why in checks:
        if not holds:
            return why
    return _lack(file, header, rows or 0, columns or 0)


def _lack(file: Path, header: Dataset, rows: int, columns: int) -> str | None:
    """Why an image of this size cannot be in the file, if it cannot."""
    bits, frames = whole(header, "BitsAllocated"), whole(header, "NumberOfFrames")
    frames = 1 if frames is None else frames
    if bits not in (8, 16, 32) or min(rows, columns, frames) < 1:
        return DAMAGED
    if rows * columns > MOST_PIXELS or frames > MOST_FRAMES:
        return DAMAGED
    syntax = str(getattr(header, "file_meta", {}).get("TransferSyntaxUID", _NATIVE[0]))
    if syntax in _NATIVE and file.stat().st_size < rows * columns * frames * bits // 8:
        return CUT_SHORT
    return None
