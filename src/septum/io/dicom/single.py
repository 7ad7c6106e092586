"""The header of a single-frame MR object as a frame."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.io.dicom.frames import Frame
from septum.io.dicom.private import PRIVATE_TAGS, private_component, tells_of_flow
from septum.io.dicom.values import number, numbers, text, whole, words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydicom import Dataset

    from septum.core.geometry import Triple

SINGLE_TAGS: list[Any] = [
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "SeriesNumber",
    "InstanceNumber",
    "AcquisitionNumber",
    "AcquisitionDate",
    "AcquisitionTime",
    "AcquisitionDateTime",
    "ImageType",
    "ScanningSequence",
    "SequenceVariant",
    "EchoTime",
    "InversionTime",
    "PixelSpacing",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SliceThickness",
    "SpacingBetweenSlices",
    "TriggerTime",
    "TemporalPositionIdentifier",
    "CardiacNumberOfImages",
    "NominalInterval",
    "HeartRate",
    "PatientSize",
    "PatientWeight",
    "RescaleSlope",
    "RescaleIntercept",
    "SeriesDescription",
    "ProtocolName",
    "SequenceName",
    *PRIVATE_TAGS,
]

#: What a description may suggest. It only breaks ties, and only the suggestion is kept.
HINTS = {
    "short axis": re.compile(
        r"\b(c?sax|sa|shax)\b|short.?ax|kurze?.?achs|petit.?axe|eje.?corto|asse.?corto|eixo.?curto|korte.?as"
        r"|短[軸轴]",
        re.IGNORECASE,
    ),
    "late gadolinium": re.compile(
        r"(?-i:\bDE\b)|\b(lge|psir|mde|viab\w*)\b|\blate(?!ral)|delayed|enhanc|tardi|sp[äa]taufn",
        re.IGNORECASE,
    ),
    "perfusion": re.compile(r"^(?!.*(cine|funct)).*(perf|first.?pass|\bdyn)", re.IGNORECASE),
    "tagging": re.compile(r"\btag|\bgrid(?!d)|spamm", re.IGNORECASE),
    "flow": re.compile(r"\bq?flow|\bflu(x|ss|jo)\b|velocity|venc|\bpc\b|phase.?contrast", re.IGNORECASE),
    "mapping": re.compile(r"molli|shmolli|sasha|mapping|\bt[12]\W*map|t2.?prep", re.IGNORECASE),
    "another view": re.compile(
        r"\b[2-5]\s?-?ch\b|chamber|kammer|cavit|[lr]vot\b|\baov?\b|aort|\bvalve|pulmon", re.IGNORECASE
    ),
    "stress": re.compile(r"stress|dobu|adenos|regadeno|exercise", re.IGNORECASE),
    "real time": re.compile(r"real.?time|\brt\b|echtzeit|temps.?r[eé]el", re.IGNORECASE),
}

#: Siemens' names of sequences that encode velocity end in the highest one and its direction: ``fl2d1_v9in``.
_VELOCITY_ENCODED = re.compile(r"_v\d+(in|ap|rl|fh)\b", re.IGNORECASE)
#: Third and later values of Image Type that tell something else than the magnitude of the signal.
_REAL = ("R", "REAL", "I", "IMAGINARY", "MIXED", "PSIR", "PHASE_SENSITIVE")
_MAPS = ("P", "PHASE", "VELOCITY", "ECV", "PCA")
_MAP_WORD = re.compile(r"(?<![A-Z])MAP\b|^T[12]\W\w|^PHASE|^VELOCITY")
#: Of a computed image these are maps; of a measured one they are its contrast.
_MAP_OR_CONTRAST = re.compile(r"^T[12]\W?$")

#: By how much direction cosines may miss a right angle and the unit length.
_SKEW = 0.02


def frame_of(file: Path, header: Dataset) -> Frame | None:
    """The frame of a single-frame object; ``None`` if it has no place in the patient."""
    orientation = directions(numbers(header, "ImageOrientationPatient"))
    place = located(header, header, orientation)
    if place is None:
        return None
    inverted = "IR" in words(header, "ScanningSequence") or (number(header, "InversionTime") or 0) > 0
    kind = kind_of(words(header, "ImageType"))
    if kind["component"] == "magnitude":
        kind["component"] = private_component(header) or "magnitude"
    return Frame(
        **common(file, header),
        **place,
        number=None,
        instance_number=whole(header, "InstanceNumber"),
        acquisition_number=whole(header, "AcquisitionNumber"),
        acquired=_acquired(header),
        trigger_ms=number(header, "TriggerTime"),
        temporal_position=whole(header, "TemporalPositionIdentifier"),
        phases=whole(header, "CardiacNumberOfImages"),
        interval_ms=number(header, "NominalInterval"),
        **kind,
        sequence=(*words(header, "ScanningSequence"), *_variants(header)),
        echo_ms=number(header, "EchoTime"),
        inversion_ms=(number(header, "InversionTime") or 0.0) if inverted else None,
        **scaling(header),
    )


def _acquired(header: Dataset) -> str:
    """Date and time of acquisition, in whichever way they are written."""
    time = text(header, "AcquisitionTime")
    return text(header, "AcquisitionDate") + time if time else text(header, "AcquisitionDateTime")


def _variants(header: Dataset) -> tuple[str, ...]:
    """Variants of the pulse sequence, without oversampling: that depends on the size of the body."""
    return tuple(word for word in words(header, "SequenceVariant") if word != "OSP")


def common(file: Path, header: Dataset) -> dict[str, Any]:
    """What all frames of an object share."""
    described = text(header, "SeriesDescription") or text(header, "ProtocolName")  # GE's is of all series
    hints = {name for name, pattern in HINTS.items() if pattern.search(described.replace("_", " "))}
    if tells_of_flow(header) or _VELOCITY_ENCODED.search(text(header, "SequenceName")):
        hints.add("flow")
    rows, columns = whole(header, "Rows"), whole(header, "Columns")
    return {
        "path": file,
        "sop_class_uid": text(header, "SOPClassUID"),
        "sop_instance_uid": text(header, "SOPInstanceUID"),
        "study_uid": text(header, "StudyInstanceUID"),
        "series_uid": text(header, "SeriesInstanceUID"),
        "space_uid": text(header, "FrameOfReferenceUID"),
        "series_number": whole(header, "SeriesNumber"),
        "shape": (rows, columns),
        "heart_rate_bpm": number(header, "HeartRate"),
        "height_m": number(header, "PatientSize"),
        "weight_kg": number(header, "PatientWeight"),
        "hints": frozenset(hints),
        "inverted": words(header, "PhotometricInterpretation")[:1] == ("MONOCHROME1",),
    }


def located(
    position: Dataset | None, measures: Dataset | None, orientation: tuple[Triple, Triple] | None
) -> dict[str, Any] | None:
    """Where a frame lies; ``None`` without position, orientation or pixel spacing."""
    place, pixel_mm = numbers(position, "ImagePositionPatient"), numbers(measures, "PixelSpacing")
    if orientation is None or len(place) != 3 or len(pixel_mm) != 2 or min(pixel_mm) <= 0:
        return None
    slab = number(measures, "SliceThickness")
    thickness = number(measures, "SpacingBetweenSlices") or slab
    return {
        "position_mm": tuple(place),
        "pixel_mm": tuple(pixel_mm),
        "row": orientation[0],
        "column": orientation[1],
        "thickness_mm": None if thickness is None else abs(thickness),
        "slice_thickness_mm": slab,
    }


def directions(cosines: Sequence[float]) -> tuple[Triple, Triple] | None:
    """Unit vectors of row and column at a right angle; ``None`` if that is not what the cosines are."""
    if len(cosines) != 6:
        return None
    row, column = np.array(cosines[:3]), np.array(cosines[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if max(abs(length - 1) for length in lengths) > _SKEW or abs(row @ column) > _SKEW:
        return None
    row = row / lengths[0]
    column = column - (column @ row) * row
    column /= np.linalg.norm(column)
    return _triple(row), _triple(column)


def kind_of(image_type: tuple[str, ...]) -> dict[str, Any]:
    """Whether a frame was measured, and of what component, by the values of Image Type or Frame Type."""
    later = image_type[2:]
    component = "magnitude"
    if any(value in _REAL for value in later):
        component = "real"
    original = image_type[:1] != ("DERIVED",)
    if any(value in _MAPS or _MAP_WORD.search(value) for value in later):
        component = "map"
    if not original and any(map(_MAP_OR_CONTRAST.search, later)):
        component = "map"
    return {"original": original, "component": component}


def scaling(transformation: Dataset | None) -> dict[str, Any]:
    """Slope and intercept of stored values."""
    slope, intercept = number(transformation, "RescaleSlope"), number(transformation, "RescaleIntercept")
    return {"slope": slope or 1.0, "intercept": intercept or 0.0}


def _triple(vector: Any) -> Triple:
    x, y, z = (float(value) for value in vector)
    return (x, y, z)
