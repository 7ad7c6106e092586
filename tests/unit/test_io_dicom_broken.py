"""Studies that were broken off, copied badly or lack images: read without what is missing, or refused."""

from __future__ import annotations

import struct
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from septum.core import VENTRICLES, InputError, OutputError, Segmentation
from septum.io import dicom_contents, find_images, read_study, write_image, write_mask
from septum.io.dicom.objects.source_images import read_source
from support.dicom_study import Sheet, enhanced, flat, images, stored, write, write_cine


def values(array=None) -> np.ndarray:
    return (stored() if array is None else array) * 2.0 - 10.0


def keys(study):
    return [note.key for note in study.notes]


def broken_off(*bare):
    """Slices of which only two of five phases are there."""
    return [row[z] for t, row in enumerate(images(stored())) for z in range(6) if z not in bare or t < 2]


@pytest.mark.parametrize("bare", [(0,), (5,), (0, 5), (4, 5)])
def test_slices_at_the_ends_without_most_phases_are_left_out_of_voxels_grid_and_files(tmp_path, bare):
    study = read_study(write(tmp_path / "study", broken_off(*bare)))
    kept = [z for z in range(6) if z not in bare]
    np.testing.assert_array_equal(study.cine.array, values()[:, kept])
    assert study.cine.geometry.shape == study.cine.array.shape[1:]
    np.testing.assert_allclose(study.cine.geometry.origin_mm, Sheet().position(kept[0]), atol=1e-4)
    assert "bare_end_slices" in keys(study)
    write_image(tmp_path / "image.nii.gz", study.cine)
    written = nib.load(tmp_path / "image.nii.gz")
    assert written.shape == study.cine.array.shape[::-1]
    np.testing.assert_array_equal(np.asanyarray(written.dataobj).T, study.cine.array)


def test_no_file_is_written_whose_header_and_voxels_disagree(tmp_path):
    cine = read_study(write_cine(tmp_path / "study")).cine
    less = replace(cine, array=cine.array[:, 1:])
    with pytest.raises(ValueError, match="shape"):
        write_image(tmp_path / "image.nii.gz", less)
    assert not (tmp_path / "image.nii.gz").exists()


@pytest.mark.parametrize(
    ("depths", "missing"),
    [
        ((0, 1, 3, 5, 6), 2),
        ((0, 1, 3, 4, 5), 1),
        ((0, 2, 4, 6, 6.999), 3),
        ((0, 2, 3, 4, 6), 2),
        ((0, 1, 2, 4, 6, 7, 9), 3),
        ((0, 0.999, 3, 5, 7), 3),
    ],
)
def test_a_stack_that_lacks_slices_is_refused(tmp_path, depths, missing):
    made = images(stored(5, len(depths)))
    for one, z in ((row[i], z) for row in made for i, z in enumerate(depths)):
        one.ImagePositionPatient = [f"{v:.6f}" for v in Sheet().position(z)]
    with pytest.raises(InputError, match=f"lacks slices: .* {missing} should be"):
        read_study(write(tmp_path, flat(made)))


@pytest.mark.parametrize(
    ("depths", "kept"),
    [((0, 1, 1.4, 2, 3, 4), (0, 1, 3, 4, 5)), ((0, 1, 2, 2.5, 3, 4), (0, 1, 2, 4, 5))],
)
def test_a_slice_that_overlaps_its_neighbours_was_taken_again(tmp_path, depths, kept):
    made = images(stored())
    for one, z in ((row[i], z) for row in made for i, z in enumerate(depths)):
        one.ImagePositionPatient = [f"{v:.6f}" for v in Sheet().position(z)]
    study = read_study(write(tmp_path, flat(made)))
    np.testing.assert_array_equal(study.cine.array, values()[:, kept])
    assert "slices_between_left_out" in keys(study)


def test_even_slices_twice_as_far_apart_as_headers_state_are_worth_a_word(tmp_path):
    study = read_study(write_cine(tmp_path, sheet=Sheet(step_mm=20.0)))
    assert keys(study) == ["slices_far_apart"]


def cohort(folder, names, spoilt=b""):
    """A study each, of which the first file is spoilt."""
    for i, name in enumerate(names):
        made = flat(images(stored(), uid=f"1.2.{30 + i}"))
        for one in made:
            one.StudyInstanceUID, one.SeriesInstanceUID = f"1.2.{30 + i}", f"1.2.{30 + i}.1"
        first = min(write(folder / name, made).iterdir())
        if spoilt is not None:
            content = first.read_bytes()
            first.with_suffix(".dcm").write_bytes(content[: len(spoilt) and 700])
            first.unlink()
    return folder


@pytest.mark.parametrize("spoilt", [b"", b"cut"], ids=["empty", "cut short"])
def test_damaged_files_that_come_first_do_not_part_or_join_studies(tmp_path, spoilt):
    folder = cohort(tmp_path, ["p1", "p2", "p3"], spoilt)
    assert find_images(folder).studies == [tmp_path / name for name in ("p1", "p2", "p3")]
    assert keys(read_study(tmp_path / "p1"))[0] == "damaged_files"


def test_a_damaged_file_above_a_study_is_no_study_of_its_own(tmp_path):
    write_cine(tmp_path / "disc" / "DICOM" / "A")
    (tmp_path / "disc" / "empty.dcm").write_bytes(b"")
    assert find_images(tmp_path).studies == [tmp_path]
    write_cine(tmp_path / "disc" / "DICOM" / "B")
    (tmp_path / "disc" / "DICOM" / "C").mkdir()
    (tmp_path / "disc" / "DICOM" / "C" / "bad.dcm").write_bytes(b"nothing")
    assert find_images(tmp_path / "disc").studies == [tmp_path / "disc"]


def test_a_patient_of_whom_all_files_are_damaged_is_named(tmp_path):
    cohort(tmp_path, ["p1", "p3"], None)
    (tmp_path / "p2").mkdir()
    (tmp_path / "p2" / "a.dcm").write_bytes(b"")
    assert find_images(tmp_path).studies == [tmp_path / name for name in ("p1", "p2", "p3")]
    with pytest.raises(InputError, match="1 damaged; copy or export the study again"):
        read_study(tmp_path / "p2")


def test_files_cut_within_their_headers_are_to_be_copied_again(tmp_path):
    for file in write_cine(tmp_path).iterdir():
        file.write_bytes(file.read_bytes()[:700])
    assert dicom_contents(tmp_path).scan.damaged == 30
    with pytest.raises(InputError, match="30 cut short; copy or export the study again"):
        read_study(tmp_path)


def spoil(array, where):
    array = array.copy()
    array[where] = 0
    return array


@pytest.mark.parametrize(
    ("where", "what"),
    [((3,), "frame 3"), ((3, 2), "slice 2 of frame 3"), ((slice(1, 3), 5), "slice 5 of frame 1")],
)
@pytest.mark.parametrize("kind", ["dicom", "nifti"])
def test_a_blank_image_within_a_cine_is_refused(tmp_path, where, what, kind):
    study = write_cine(tmp_path / "study", spoil(stored(), where))
    if kind == "nifti":
        image = nib.Nifti1Image(spoil(stored(), where).T.astype(np.int16), np.diag([-3, -3, 10, 1]))
        study = tmp_path / "a.nii.gz"
        nib.save(image, study)
    with pytest.raises(InputError, match=f"blank image: .* {what}, counted from 0"):
        read_study(study)


def test_slices_that_are_blank_in_all_frames_are_padding(tmp_path):
    padded = spoil(stored(), (slice(None), 0))
    np.testing.assert_array_equal(read_study(write_cine(tmp_path, padded)).cine.array, values(padded))


@pytest.mark.parametrize("spacing", ["3.0\\3.0", "3.0,3.0", "3,0\\3,0", "3.0, 3.0 "])
def test_pixel_spacing_written_as_text_or_with_commas(tmp_path, spacing):
    for file in write_cine(tmp_path).iterdir():
        content = file.read_bytes()
        at = content.index(b"\x28\x00\x30\x00DS")
        (length,) = struct.unpack_from("<H", content, at + 6)
        text = spacing.encode() + b" " * (len(spacing) % 2)
        element = b"\x28\x00\x30\x00UT\0\0" + struct.pack("<I", len(text)) + text
        if not spacing.startswith("3.0\\"):
            element = b"\x28\x00\x30\x00DS" + struct.pack("<H", len(text)) + text
        file.write_bytes(content[:at] + element + content[at + 8 + length :])
    assert read_study(tmp_path).cine.geometry.spacing_mm == pytest.approx((10.0, 3.0, 3.0), abs=1e-5)


@pytest.mark.parametrize("keyword", ["SeriesInstanceUID", "SOPInstanceUID"])
def test_images_that_cannot_be_referred_to_are_read_and_make_no_dicom_objects(tmp_path, keyword):
    made = flat(images(stored()))
    for one in made:
        if keyword == "SOPInstanceUID":
            one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
        else:
            delattr(one, keyword)
    study = read_study(write(tmp_path, made))
    np.testing.assert_array_equal(study.cine.array, values())
    with pytest.raises(OutputError, match=f"the DICOM objects cannot be written: .*{keyword}"):
        read_source(study)


def test_the_frames_of_one_object_share_its_identifier(tmp_path):
    study = read_study(write(tmp_path, [enhanced(stored())]))
    assert len(read_source(study).instances()) == 1


def test_a_mask_is_not_written_for_another_number_of_slices(tmp_path):
    study = read_study(write_cine(tmp_path / "study"))
    other = replace(study, cine=replace(study.cine, array=study.cine.array[:, 1:]))
    labels = np.zeros(other.cine.array.shape, np.uint8)
    with pytest.raises(ValueError, match="shape"):
        write_mask(tmp_path / "a_seg.nii.gz", Segmentation(labels, study.cine.geometry, VENTRICLES), other)
    assert not (tmp_path / "a_seg.nii.gz").exists()
