"""Long-axis series of a DICOM study: pictures, and the lines in which they cut short-axis slices."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from septum.core import SeptumError
from septum.io import DicomHeader
from septum.view.errors import RefusedError
from septum.view.images import as_bytes, robust_window
from septum.view.planes import Plane, line_in

if TYPE_CHECKING:
    from septum.core import Geometry, Study
    from septum.io.dicom.reading import Contents

#: What may show the heart along its axis; cines come first.
_KINDS = ("cine", "still")
_ORIENTATIONS = ("long axis", "oblique")
#: Cosine of the angle between the normals of long axis and short axis, at most: 45 degrees.
_MOST_ALONG = 0.71
#: A study has a few; what has more is no set of views.
_MOST = 12


@dataclass(frozen=True)
class LongAxis:
    """One long-axis slice.

    Attributes:
        stack: number of its stack in the study.
        z: its slice in that.
        name: in words; nothing in it is from the patient.
    """

    stack: int
    z: int
    name: str


def find_long_axes(contents: Contents | None, study: Study) -> tuple[LongAxis, ...]:
    """List the long-axis slices of the study that an image is from; none of what is not DICOM."""
    if contents is None or not isinstance(study.header, DicomHeader):
        return ()
    own = study.header.frames[0][0].sop_instance_uid
    short = next((f for stack in contents.stacks for f in stack.frames if f.sop_instance_uid == own), None)
    stacks = [
        stack
        for stack in contents.stacks
        if short is not None and stack.kind in _KINDS and stack.orientation in _ORIENTATIONS
        and stack.first.space_uid == short.space_uid
        and abs(float(stack.first.normal @ short.normal)) < _MOST_ALONG
    ]  # fmt: skip
    stacks.sort(key=lambda stack: _KINDS.index(stack.kind))
    found: list[LongAxis] = []
    for stack in stacks:
        series = f", series {stack.series[0]}" if stack.series else ""
        for z in range(len(stack.slices)):
            which = f", slice {z}" if len(stack.slices) > 1 else ""
            found.append(LongAxis(stack.number, z, f"Long axis {len(found) + 1}{series}{which}"))
    return tuple(found[:_MOST])


def described(contents: Contents, one: LongAxis, short_axis: Geometry) -> dict[str, Any]:
    """Read a long-axis slice, and give its picture with the lines to and fro.

    Args:
        contents: of the DICOM study.
        one: which slice.
        short_axis: grid of the short-axis slices, slices first.

    Raises:
        RefusedError: it cannot be read.
    """
    from septum.io import read_dicom_study  # noqa: PLC0415  # a study of other files does not need pydicom

    try:
        cine = read_dicom_study(contents.folder, stack=one.stack, contents=contents).cine
    except SeptumError as error:
        raise RefusedError(f"{one.name} cannot be shown: {error}", "no_long_axis", 422) from error
    own = Plane.of(cine.geometry, one.z)
    slices = [Plane.of(short_axis, z) for z in range(short_axis.shape[0])]
    block = as_bytes(cine.array[:, one.z], robust_window(cine.array))
    return {
        "name": one.name,
        "shape": list(block.shape),
        "spacing_mm": list(own.spacing_mm),
        "lines": [line_in(own, plane) for plane in slices],
        "sax_lines": [line_in(plane, own) for plane in slices],
        "image": base64.b64encode(block.tobytes()).decode("ascii"),
    }
