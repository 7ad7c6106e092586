"""Outputs beside a mask: every kind that there is, and what of it is asked for.

To add one, write a class in a file of this folder and name it in :data:`OUTPUTS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from septum.workflows.outputs.base import Option, Output, OutputOptions
from septum.workflows.outputs.bids import BidsOutput
from septum.workflows.outputs.dicom import DicomOutput
from septum.workflows.outputs.fhir import FhirOutput
from septum.workflows.outputs.mesh import MeshOutput
from septum.workflows.outputs.report import ReportOutput
from septum.workflows.outputs.seg_nrrd import SegNrrdOutput

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from septum.core import Note

__all__ = [
    "OUTPUTS",
    "Option",
    "Output",
    "OutputOptions",
    "Outputs",
    "check_output",
    "is_copy",
    "possible",
    "requested",
    "resolved",
]

#: Outputs that are asked for or stand there, by key, each with all of its options.
Outputs = dict[str, OutputOptions]

#: Every output by its key, in the order in which they are shown and written.
OUTPUTS: dict[str, Output] = {
    output.key: output
    for output in (ReportOutput(), DicomOutput(), MeshOutput(), SegNrrdOutput(), BidsOutput(), FhirOutput())
}


def requested(outputs: Iterable[str] | Mapping[str, OutputOptions]) -> Outputs:
    """Complete the outputs that are asked for: options that are not named have their defaults.

    Args:
        outputs: keys, or options by key; a single key may stand alone.

    Raises:
        InputError: there is no such output, or it has no such option or value.

    >>> requested(["report"])
    {'report': {'identify': False}}
    >>> requested({"mesh": {"format": "ply"}})
    {'mesh': {'format': 'ply', 'all_frames': False}}
    """
    if isinstance(outputs, str):
        outputs = [outputs]
    named = {key: outputs[key] if isinstance(outputs, Mapping) else {} for key in outputs}
    for key, options in named.items():
        check_output(key, options)
    return {key: {**one.defaults, **named[key]} for key, one in OUTPUTS.items() if key in named}


def resolved(outputs: Outputs) -> Outputs:
    """Complete, once for a whole run, options that are set outside of it. Raises :class:`OutputError`."""
    return {key: OUTPUTS[key].resolved(options) for key, options in outputs.items()}


def possible(outputs: Outputs, *, is_dicom: bool) -> tuple[Outputs, tuple[Note, ...]]:
    """Keep the outputs that an input can have.

    Args:
        outputs: as asked for.
        is_dicom: whether the input is a DICOM study.

    Returns:
        What is possible, and a note on each thing that is not.
    """
    fitted: Outputs = {}
    notes = []
    for key, options in outputs.items():
        fitting, note = OUTPUTS[key].possible(options, is_dicom=is_dicom)
        if fitting is not None:
            fitted[key] = fitting
        if note is not None:
            notes.append(note)
    return fitted, tuple(notes)


def check_output(key: str, options: OutputOptions) -> None:
    """Raise :class:`septum.core.InputError` for an output, an option or a value that there is not."""
    from septum.core import InputError

    if key not in OUTPUTS:
        raise InputError(f"no output {key!r}: expected {', '.join(OUTPUTS)}.")
    output = OUTPUTS[key]
    for name, value in options.items():
        if name not in output.defaults:
            known = ", ".join(output.defaults) or "none"
            raise InputError(f"output {key}: no option {name!r}; expected {known}.")
        choices = next((o.choices for o in (output.option, *output.modifiers) if o.sets == name), ())
        fits = value in choices if choices else isinstance(value, type(output.defaults[name]))
        if not fits:
            kind = type(output.defaults[name]).__name__
            expected = f"one of {', '.join(choices)}" if choices else f"a {kind}"
            raise InputError(f"output {key}: {name} is {value!r}; expected {expected}.")


def is_copy(path: Path) -> bool:
    """Tell whether a file holds a mask of Septum once more, for another program.

    >>> from pathlib import Path
    >>> Path("heart_seg.json").touch()
    >>> [is_copy(Path(name)) for name in ("heart.seg.nrrd", "other.seg.nrrd", "heart_seg.nii.gz")]
    [True, False, False]
    """
    return any(output.is_copy(path) for output in OUTPUTS.values())
