"""The header of an enhanced multi-frame MR object as frames: shared and per-frame functional groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.io.dicom.frames import Frame
from septum.io.dicom.single import common, directions, kind_of, located, scaling
from septum.io.dicom.values import item, number, numbers, text, values_of, whole, words

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset


#: More than the frames of an object: instance numbers of frames follow those of their objects.
_MOST_FRAMES = 100_000
#: Values of Acquisition Contrast that tell what a series was taken for, as hints.
_PURPOSES = {"FLOW_ENCODED": "flow", "PERFUSION": "perfusion", "TAGGING": "tagging"}


def frames_of_enhanced(file: Path, header: Dataset) -> list[Frame]:
    """The frames of an object's functional groups that have a place in the patient, in the object's order.

    There is none where the sequence of groups is absent or empty, as a de-identifier may leave it in a
    single-frame image.
    """
    shared = item(header, "SharedFunctionalGroupsSequence")
    groups = values_of(header, "PerFrameFunctionalGroupsSequence")[: whole(header, "NumberOfFrames") or 1]
    facts = common(file, header)
    first = (whole(header, "InstanceNumber") or 0) * _MOST_FRAMES  # an object a phase: in their order
    series = words(header, "ImageType")
    found = []
    for i, own in enumerate(groups):
        place = located(
            _group(own, shared, "PlanePositionSequence"),
            _group(own, shared, "PixelMeasuresSequence"),
            directions(numbers(_group(own, shared, "PlaneOrientationSequence"), "ImageOrientationPatient")),
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
            Frame(
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
                **kind_of((*(words(kind, "FrameType") or series), *component)),
                sequence=pulses,
                echo_ms=number(_group(own, shared, "MREchoSequence"), "EffectiveEchoTime"),
                inversion_ms=(number(modifier, "InversionTimes") or 0.0) if inverted else None,
                **scaling(_group(own, shared, "PixelValueTransformationSequence")),
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
