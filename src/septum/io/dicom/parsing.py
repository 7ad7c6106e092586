"""Headers of MR objects as frames: those of a single frame, and the functional groups of enhanced ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.tag import Tag

from septum.io.dicom.age import ages_years
from septum.io.dicom.frames import DicomFrame
from septum.io.dicom.headers import item, number, numbers, text, values_of, whole, words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydicom import Dataset

    from septum.core.geometry import Triple


_GE_CREATOR = Tag(0x0043, 0x0010)
_GE_IMAGE_TYPE = Tag(0x0043, 0x102F)
_GE_VAS_COLLAPSE = Tag(0x0043, 0x1030)
_PRIVATE_TAGS = [_GE_CREATOR, _GE_IMAGE_TYPE, _GE_VAS_COLLAPSE]

#: GEMS_PARM_01, "image type": 0 is the magnitude; phase, real and imaginary part are these.
_COMPONENTS = {1: "map", 2: "real", 3: "real"}
#: "vas collapse flag": magnitude, and the three directions of velocity, of flow measurements; newer scanners
#: count from 2, older ones from 8.
_FLOW_MAGNITUDE = (2, 8)
_VELOCITY = (3, 4, 5, 9, 10, 11)


def _private_component(header: Dataset) -> str | None:
    """``map`` or ``real`` of an image whose public header is silent on it; ``None`` of all others."""
    if _private_number(header, _GE_VAS_COLLAPSE) in _VELOCITY:
        return "map"
    return _COMPONENTS.get(_private_number(header, _GE_IMAGE_TYPE) or 0)


def _tells_of_flow(header: Dataset) -> bool:
    """Whether an image is one of a flow measurement: its magnitude or a velocity."""
    return _private_number(header, _GE_VAS_COLLAPSE) in (*_FLOW_MAGNITUDE, *_VELOCITY)


def _private_number(header: Dataset, tag: int) -> int | None:
    """An element of GE's as a whole number, also where its representation was lost on the way."""
    if (
        tag not in header
        or str(header[_GE_CREATOR].value if _GE_CREATOR in header else "").strip() != "GEMS_PARM_01"
    ):
        return None
    value = header[tag].value
    if isinstance(value, bytes):
        return int.from_bytes(value[:2], "little", signed=True) if len(value) >= 2 else None
    return value if isinstance(value, int) else None


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
    "PatientSex",
    "PatientAge",
    "PatientBirthDate",
    "StudyDate",
    "RescaleSlope",
    "RescaleIntercept",
    "SeriesDescription",
    "ProtocolName",
    "SequenceName",
    *_PRIVATE_TAGS,
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


def frame_of(file: Path, header: Dataset) -> DicomFrame | None:
    """The frame of a single-frame object; ``None`` if it has no place in the patient."""
    orientation = _directions(numbers(header, "ImageOrientationPatient"))
    place = _located(header, header, orientation)
    if place is None:
        return None
    inverted = "IR" in words(header, "ScanningSequence") or (number(header, "InversionTime") or 0) > 0
    kind = _kind_of(words(header, "ImageType"))
    if kind["component"] == "magnitude":
        kind["component"] = _private_component(header) or "magnitude"
    return DicomFrame(
        **_common(file, header),
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
        **_scaling(header),
    )


def _acquired(header: Dataset) -> str:
    """Date and time of acquisition, in whichever way they are written."""
    time = text(header, "AcquisitionTime")
    return text(header, "AcquisitionDate") + time if time else text(header, "AcquisitionDateTime")


def _variants(header: Dataset) -> tuple[str, ...]:
    """Variants of the pulse sequence, without oversampling: that depends on the size of the body."""
    return tuple(word for word in words(header, "SequenceVariant") if word != "OSP")


def _common(file: Path, header: Dataset) -> dict[str, Any]:
    """What all frames of an object share."""
    described = text(header, "SeriesDescription") or text(header, "ProtocolName")  # GE's is of all series
    hints = {name for name, pattern in HINTS.items() if pattern.search(described.replace("_", " "))}
    if _tells_of_flow(header) or _VELOCITY_ENCODED.search(text(header, "SequenceName")):
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
        "sex": text(header, "PatientSex").upper(),
        "ages_years": ages_years(header),
        "hints": frozenset(hints),
        "inverted": words(header, "PhotometricInterpretation")[:1] == ("MONOCHROME1",),
    }


def _located(
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


def _directions(cosines: Sequence[float]) -> tuple[Triple, Triple] | None:
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


def _kind_of(image_type: tuple[str, ...]) -> dict[str, Any]:
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


def _scaling(transformation: Dataset | None) -> dict[str, Any]:
    """Slope and intercept of stored values."""
    slope, intercept = number(transformation, "RescaleSlope"), number(transformation, "RescaleIntercept")
    return {"slope": slope or 1.0, "intercept": intercept or 0.0}


def _triple(vector: Any) -> Triple:
    x, y, z = (float(value) for value in vector)
    return (x, y, z)


#: More than the frames of an object: instance numbers of frames follow those of their objects.
_MOST_FRAMES = 100_000
#: Values of Acquisition Contrast that tell what a series was taken for, as hints.
_PURPOSES = {"FLOW_ENCODED": "flow", "PERFUSION": "perfusion", "TAGGING": "tagging"}


def frames_of_enhanced(file: Path, header: Dataset) -> list[DicomFrame]:
    """The frames of an object's functional groups that have a place in the patient, in the object's order.

    There is none where the sequence of groups is absent or empty, as a de-identifier may leave it in a
    single-frame image.
    """
    shared = item(header, "SharedFunctionalGroupsSequence")
    groups = values_of(header, "PerFrameFunctionalGroupsSequence")[: whole(header, "NumberOfFrames") or 1]
    if not groups:
        return []
    facts = _common(file, header)
    first = (whole(header, "InstanceNumber") or 0) * _MOST_FRAMES  # an object a phase: in their order
    series = words(header, "ImageType")
    found = []
    for i, own in enumerate(groups):
        place = _located(
            _group(own, shared, "PlanePositionSequence"),
            _group(own, shared, "PixelMeasuresSequence"),
            _directions(numbers(_group(own, shared, "PlaneOrientationSequence"), "ImageOrientationPatient")),
        )
        if place is None:
            continue
        content = _group(own, shared, "FrameContentSequence")
        cardiac = _group(own, shared, "CardiacSynchronizationSequence")
        kind = _group(own, shared, "MRImageFrameTypeSequence")
        modifier = _group(own, shared, "MRModifierSequence")
        component = words(kind, "ComplexImageComponent") or words(header, "ComplexImageComponent")
        contrast = words(kind, "AcquisitionContrast") or words(header, "AcquisitionContrast")
        pulses = words(header, "EchoPulseSequence") + words(header, "SteadyStatePulseSequence")
        inverted = words(modifier, "InversionRecovery") == ("YES",)
        interval = number(cardiac, "RRIntervalTimeNominal") or number(header, "NominalInterval")
        hints = facts["hints"].union(_PURPOSES[word] for word in contrast if word in _PURPOSES)
        found.append(
            DicomFrame(
                **{**facts, "hints": hints},
                **place,
                number=i + 1,
                instance_number=first + i + 1,
                acquisition_number=whole(content, "FrameAcquisitionNumber"),
                acquired=text(content, "FrameAcquisitionDateTime"),
                trigger_ms=_trigger_ms(cardiac, item(own, "UnassignedPerFrameConvertedAttributesSequence")),
                temporal_position=whole(content, "TemporalPositionIndex"),
                phases=None,
                interval_ms=interval,
                **_kind_of((*(words(kind, "FrameType") or series), *component)),
                sequence=pulses,
                echo_ms=number(_group(own, shared, "MREchoSequence"), "EffectiveEchoTime"),
                inversion_ms=(number(modifier, "InversionTimes") or 0.0) if inverted else None,
                **_scaling(_group(own, shared, "PixelValueTransformationSequence")),
            )
        )
    return found


def _group(own: Dataset, shared: Dataset | None, keyword: str) -> Dataset | None:
    """A functional group: of the frame, or else of all frames."""
    return item(own, keyword) or item(shared, keyword)


def _trigger_ms(cardiac: Dataset | None, unassigned: Dataset | None) -> float | None:
    """Time after the R wave; in objects converted from single frames it may be where nothing has a place."""
    told = (
        number(cardiac, "NominalCardiacTriggerDelayTime"),
        number(cardiac, "ActualCardiacTriggerDelayTime"),
        number(unassigned, "TriggerTime"),
    )
    return next((delay for delay in told if delay is not None), None)
