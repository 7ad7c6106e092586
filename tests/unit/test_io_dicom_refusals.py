"""DICOM folders that cannot be used: each is refused in one sentence that names it and no patient."""

from __future__ import annotations

import struct
import time

import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless, MRSpectroscopyStorage, RLELossless

from septum.core import InputError
from septum.io import content_sha256, dicom_contents, read_dicom_study, read_study
from septum.io.dicom.pixels import size_of
from support.dicom_study import (
    LONG_AXIS,
    SECRETS,
    Sheet,
    base,
    enhanced,
    flat,
    images,
    localisers,
    screenshot,
    stored,
    write,
    write_cine,
)


def refused(folder, *fragments, **options):
    with pytest.raises(InputError) as caught:
        read_study(folder, **options)
    sentence = str(caught.value)
    assert all(fragment in sentence for fragment in ("expected", *fragments)), sentence
    assert sentence.startswith(str(folder))
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert not any(secret in sentence for secret in SECRETS)


def test_a_folder_without_dicom(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    refused(tmp_path, "folder without a DICOM file")
    with pytest.raises(InputError, match="no DICOM file"):
        read_dicom_study(tmp_path)


def test_screenshots_other_modalities_and_spectra(tmp_path):
    scans = flat(images(stored(1, 2)))
    for one in scans:
        one.Modality = "CT"
    spectrum = base("1.2.9.1", MRSpectroscopyStorage)
    write(tmp_path, [screenshot(), spectrum, *scans])
    refused(
        tmp_path, "found 4 DICOM files, 2 of another modality, 1 without an image, 1 screenshots or colours"
    )


def test_only_localisers(tmp_path):
    refused(write(tmp_path, localisers()), "axial still: 1", "coronal still: 1", "sagittal still: 1")


def test_only_long_axis(tmp_path):
    write(tmp_path, flat(images(stored(5, 1), Sheet(LONG_AXIS))))
    refused(tmp_path, "long axis cine: 1")
    assert read_study(tmp_path, stack=1).cine.array.shape[:2] == (5, 1), "unless it is asked for"


def test_only_late_gadolinium_where_a_cine_is_wanted_and_the_reverse(tmp_path):
    late = flat(images(stored(1, 6)))
    for one in late:
        one.ScanningSequence = "IR"
    refused(write(tmp_path / "late", late), "short axis late gadolinium: 1")
    refused(
        write_cine(tmp_path / "cine"),
        "no late-gadolinium stack",
        "short axis cine: 1",
        wanted="late-gadolinium",
    )


def test_a_stack_that_is_not_there(tmp_path):
    refused(write_cine(tmp_path), "holds no stack 3", "from 1 to 1", stack=3)


def test_two_studies_in_one_folder(tmp_path):
    other = flat(images(stored(), uid="1.2.88"))
    for one in other:
        one.StudyInstanceUID = "1.2.3.77"
    refused(write(write_cine(tmp_path), other), "2 studies")


def test_images_without_a_place(tmp_path):
    made = flat(images(stored()))
    for one in made:
        del one.ImagePositionPatient
    refused(write(tmp_path, made), "30 without a position in the patient")


def test_phases_that_nothing_tells_apart(tmp_path):
    made = flat(images(stored()))
    for one in made:
        del one.TriggerTime
        del one.InstanceNumber
    refused(write(tmp_path, made), "5 phases cannot be distinguished")


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.95])
def test_half_of_a_multi_frame_file(tmp_path, kept):
    write(tmp_path, [enhanced(stored())])
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    refused(tmp_path, "found 1 DICOM file, 1 ")


def test_pixels_that_cannot_be_decoded(tmp_path):
    objects = flat(images(stored(1, 5)))
    for one in objects:
        one.compress(RLELossless)
        one.PixelData = one.PixelData[:300] + bytes(600) + one.PixelData[900:]
    write(tmp_path, objects)
    with pytest.raises(InputError, match=r"IM\d+ is cut short or damaged"):
        read_study(tmp_path)


@pytest.mark.parametrize("size", [(60000, 60000, 1), (256, 256, 2_000_000_000), (0, 64, 1), (-5, 64, 1)])
def test_absurd_sizes_are_refused_before_anything_is_allocated(tmp_path, size):
    one = enhanced(stored(1, 5))
    one["Rows"]._value, one["Columns"]._value = size[0] % 65536, size[1]
    one.NumberOfFrames = size[2]
    refused(write(tmp_path, [one]), "found 1 DICOM file, 1 ")


def test_an_impossible_spacing(tmp_path):
    refused(write_cine(tmp_path, sheet=Sheet(pixel_mm=(0.05, 0.05))), "spacing that does not fit a heart")


def test_nothing_of_the_patient_is_told(tmp_path):
    write(write_cine(tmp_path), [*localisers(), screenshot()])
    contents = dicom_contents(tmp_path)
    told = [stack.summary() for stack in contents.stacks] + [note.text for note in read_study(tmp_path).notes]
    told += [repr(read_study(tmp_path)), content_sha256(tmp_path)]
    assert not any(secret in line for secret in SECRETS for line in told)
    assert np.isfinite(read_study(tmp_path).cine.array).all()


def jpeg_start(frame_header: int, rows: int, columns: int) -> bytes:
    comment = b"\xff\xfe\x00\x06note"
    return (
        b"\xff\xd8"
        + comment
        + struct.pack(">BBHBHHB", 0xFF, frame_header, 11, 12, rows, columns, 1)
        + bytes(3)
    )


@pytest.mark.parametrize(
    ("codestream", "size"),
    [
        (b"\xff\x4f\xff\x51" + struct.pack(">HH4I", 41, 0, 72, 68, 0, 0), (68, 72)),
        (b"\xff\x4f\xff\x51" + struct.pack(">HH4I", 41, 0, 80, 70, 8, 2), (68, 72)),
        (jpeg_start(0xC3, 68, 72), (68, 72)),
        (jpeg_start(0xF7, 68, 72), (68, 72)),
        (jpeg_start(0xC3, 68, 72)[:12], None),
        (b"\xff\xd8 no marker", None),
        (b"", None),
    ],
)
def test_the_size_of_a_compressed_image_is_told_by_its_start(codestream, size):
    assert size_of(codestream) == size


def test_a_compressed_image_that_promises_more_than_its_header_is_not_decoded(tmp_path):
    pytest.importorskip("openjpeg", reason="needs septum[jpeg] to write JPEG 2000")
    objects = flat(images(stored(1, 5)))
    for one in objects:
        one.compress(JPEG2000Lossless)
        size = one.PixelData.find(b"\xff\x4f\xff\x51") + 8
        one.PixelData = one.PixelData[:size] + struct.pack(">II", 65535, 65535) + one.PixelData[size + 8 :]
    started = time.perf_counter()
    with pytest.raises(InputError, match="cut short or damaged"):
        read_study(write(tmp_path, objects))
    assert time.perf_counter() - started < 5.0


def test_several_transfer_syntaxes_are_a_refusal(tmp_path):
    for path in write(tmp_path, flat(images(stored(2, 3)))).iterdir():
        content = path.read_bytes()
        path.write_bytes(content.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840\\0008.1.2.1\0", 1))
    with pytest.raises(InputError):
        read_study(tmp_path)
