"""Damage for files: bytes overwritten, taken out, put in, cut off; values that no scanner writes."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, tag_for_keyword

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Values at which arithmetic on sizes goes wrong.
EDGES = (
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\xff\xff",
    b"\0\0",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\x80",
    b"\0\0\xc0\x7f",
    b"\x01",
)

#: Of each: where (share of the file, or of its header), what is done, with which bytes.
Damage = tuple[float, bool, str, bytes]

damages = st.lists(
    st.tuples(
        st.floats(0.0, 1.0, exclude_max=True),
        st.booleans(),
        st.sampled_from(["overwrite", "overwrite", "overwrite", "insert", "delete", "cut"]),
        st.one_of(st.sampled_from(EDGES), st.binary(min_size=1, max_size=6)),
    ),
    min_size=1,
    max_size=5,
)


def damaged(content: bytes, header: int, changes: Sequence[Damage]) -> bytes:
    """The content after some damage; most of it in its first ``header`` bytes."""
    data = bytearray(content)
    for share, in_header, what, value in changes:
        at = int(share * (min(header, len(data)) if in_header else len(data)))
        if what == "overwrite":
            data[at : at + len(value)] = value
        elif what == "insert":
            data[at:at] = value
        elif what == "delete":
            del data[at : at + len(value)]
        else:
            del data[at:]
    return bytes(data)


#: Elements whose values decide how a DICOM study is read.
KEYWORDS = (
    *(
        "Rows",
        "Columns",
        "NumberOfFrames",
        "SamplesPerPixel",
        "BitsAllocated",
        "BitsStored",
        "PixelRepresentation",
    ),
    *("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness", "TriggerTime"),
    *(
        "InstanceNumber",
        "AcquisitionNumber",
        "SeriesNumber",
        "CardiacNumberOfImages",
        "TemporalPositionIdentifier",
    ),
    *("NominalInterval", "HeartRate", "PatientSize", "PatientWeight", "RescaleSlope", "RescaleIntercept"),
    *(
        "ImageType",
        "Modality",
        "PhotometricInterpretation",
        "SOPClassUID",
        "SOPInstanceUID",
        "SeriesInstanceUID",
    ),
    *(
        "StudyInstanceUID",
        "FrameOfReferenceUID",
        "EchoTime",
        "InversionTime",
        "AcquisitionTime",
        "SeriesDescription",
    ),
)
#: As bytes, since a damaged header need not be of any type.
VALUES = (
    *(
        b"",
        b"0 ",
        b"-1",
        b"1 ",
        b"nan ",
        b"inf ",
        b"1e308 ",
        b"-1e30\\1e30\\1e30 ",
        b"0\\0\\0\\0\\0\\0 ",
        b"\\\\\\ ",
    ),
    *(
        b"1\\0\\0\\0\\1\\0 ",
        b"1e-9\\1e-9 ",
        b"65535 ",
        b"99999999999 ",
        b"\xff\xfe\xfd\xfc",
        b"\0\0",
        b"\xff\xff",
    ),
)

elements = st.lists(
    st.tuples(st.sampled_from(KEYWORDS), st.sampled_from(VALUES), st.booleans()), min_size=1, max_size=4
)


def with_elements(content: bytes, changes: Sequence[tuple[str, bytes, bool]]) -> bytes:
    """A DICOM file (explicit, little endian) with other values of elements, or without them."""
    for keyword, value, keep in changes:
        tag = tag_for_keyword(keyword)
        mark = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + dictionary_VR(keyword)[:2].encode()
        at = content.find(mark, 400)
        if at < 0:
            continue
        (length,) = struct.unpack("<H", content[at + 6 : at + 8])
        element = mark + struct.pack("<H", len(value)) + value if keep else b""
        content = content[:at] + element + content[at + 8 + length :]
    return content
