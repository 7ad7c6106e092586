"""DICOM studies in each form that scanners write: the same image, place, times and subject come out."""

from __future__ import annotations

import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from septum.core import VENTRICLES, MissingExtraError, Segmentation, Source, Subject
from septum.io import content_sha256, mask_suffix, read_dicom_study, read_study, write_mask
from septum.io.dicom import pixels
from support.dicom_study import (
    SHORT_AXIS,
    Sheet,
    enhanced,
    flat,
    images,
    localisers,
    screenshot,
    stored,
    write,
    write_cine,
)


def values(array=None) -> np.ndarray:
    return (stored() if array is None else array) * 2.0 - 10.0


def shuffled(objects, syntax):
    """The same objects in another transfer syntax."""
    for one in objects:
        if syntax == RLELossless:
            one.compress(syntax)
        else:
            one.file_meta.TransferSyntaxUID = syntax
    return objects


@pytest.mark.parametrize("form", ["one series", "a series a slice", "enhanced"])
def test_each_form_gives_the_same_study(tmp_path, form):
    if form == "enhanced":
        write(tmp_path / "s", [enhanced(stored())])
    else:
        write_cine(tmp_path / "s/deep/er", per_slice=form == "a series a slice")
    study = read_study(tmp_path / "s")
    np.testing.assert_array_equal(study.cine.array, values())
    assert study.cine.array.dtype == np.float32
    assert study.cine.frame_times_ms == (3.0, 43.0, 83.0, 123.0, 163.0)
    assert study.cine.frame_interval_ms == 40.0
    assert study.cine.geometry.spacing_mm == (10.0, 3.0, 3.0), (
        "the distance of slices, not their thickness of 8"
    )
    sheet = Sheet()
    for index in ((0, 0, 0), (5, 10, 20)):
        row, column, normal = sheet.axes
        expected = sheet.position(0) + index[0] * 10 * normal + index[1] * 3 * column + index[2] * 3 * row
        np.testing.assert_allclose(study.cine.geometry.to_patient_mm(index), expected, atol=1e-4)
    rate = pytest.approx(60_000 / 900, abs=0.01)
    assert study.subject == Subject.of(
        height_m=1.76, weight_kg=71.5, heart_rate_bpm=rate, age_years=60.17, source=Source.FILE
    )
    assert study.notes == ()


def test_slices_that_a_scanner_numbers_from_apex_to_base_ascend_all_the_same(tmp_path):
    write_cine(tmp_path / "s", stored()[:, ::-1], Sheet(step_mm=-10.0, origin_mm=Sheet().position(5)))
    study = read_study(tmp_path / "s")
    np.testing.assert_array_equal(study.cine.array, values())


def test_references_name_the_object_and_frame_of_each_slice(tmp_path):
    write(tmp_path / "a", [enhanced(stored())])
    write_cine(tmp_path / "b")
    many, single = (read_dicom_study(tmp_path / name).header.frames for name in "ab")
    # Slices are written from the last to the first, all phases of each together.
    assert many[2][4].frame_number == 1 * 5 + 2 + 1
    assert many[2][4].sop_class_uid == "1.2.840.10008.5.1.4.1.1.4.1"
    assert (single[2][4].sop_instance_uid, single[2][4].frame_number) == ("1.2.3.5.5.3", None)


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless], ids=lambda uid: uid.name
)
def test_transfer_syntaxes_make_no_difference(tmp_path, syntax):
    array = stored(2, 5)
    write(tmp_path / "s", shuffled(flat(images(array)), syntax))
    np.testing.assert_array_equal(read_study(tmp_path / "s").cine.array, values(array))


def test_a_compressed_study_needs_the_extra_and_says_so(tmp_path, monkeypatch):
    pytest.importorskip("openjpeg", reason="needs septum[jpeg] to write JPEG 2000")
    from pydicom.uid import JPEG2000Lossless

    array = stored(2, 5)
    objects = flat(images(array))
    for one in objects:
        one.compress(JPEG2000Lossless)
    write(tmp_path / "s", objects)
    np.testing.assert_array_equal(read_study(tmp_path / "s").cine.array, values(array))

    class Absent:
        is_available = False

    monkeypatch.setattr(pixels, "get_decoder", lambda _: Absent())
    with pytest.raises(MissingExtraError, match=r"septum\[jpeg\]"):
        read_study(tmp_path / "s")


def test_the_mask_of_a_study_lies_where_the_heart_does(tmp_path):
    study = read_study(write_cine(tmp_path / "s"))
    labels = np.zeros(study.cine.array.shape, np.uint8)
    labels[1, 4, 20, 30] = 3
    assert mask_suffix(study) == ".nii.gz"
    write_mask(tmp_path / "m.nii.gz", Segmentation(labels, study.cine.geometry, VENTRICLES), study)
    mask = nib.load(tmp_path / "m.nii.gz")
    assert mask.get_data_dtype() == np.uint8
    assert mask.header.get_zooms() == pytest.approx((3.0, 3.0, 10.0, 0.04))
    (index,) = np.argwhere(np.asarray(mask.dataobj))
    ras = mask.affine @ (*index[:3], 1)
    np.testing.assert_allclose(
        ras[:3] * (-1, -1, 1), study.cine.geometry.to_patient_mm((4, 20, 30)), atol=1e-3
    )


def test_a_study_is_known_by_what_is_used_of_it_whatever_files_are_called(tmp_path):
    write_cine(tmp_path / "a")
    write(tmp_path / "b/x", flat(images(stored())), seed=8)
    write(tmp_path / "b/y", [*localisers(), screenshot()])
    assert (
        content_sha256(tmp_path / "a") == content_sha256(tmp_path / "b") == read_study(tmp_path / "b").sha256
    )
    changed = stored().copy()
    changed[2, 3, 4, 5] += 1
    write_cine(tmp_path / "c", changed)
    assert content_sha256(tmp_path / "c") != content_sha256(tmp_path / "a")


def test_two_chambers_localisers_and_stills_beside_the_cine_do_not_matter(tmp_path):
    write_cine(tmp_path / "s", series=9)
    write(tmp_path / "s", localisers())
    long_axis = Sheet(((0.65, -0.55, -0.52), (0.65, 0.75, 0.02)))
    write(tmp_path / "s", flat(images(stored(8, 1), long_axis, series=20)))
    write(
        tmp_path / "s",
        flat(images(stored(8, 3), Sheet(((0.7, 0.7, 0.0), (0.5, -0.5, -0.7)), 7.0), series=21)),
    )
    still = flat(images(stored(1, 6), Sheet(SHORT_AXIS), series=22))
    write(tmp_path / "s", still)
    np.testing.assert_array_equal(read_study(tmp_path / "s").cine.array, values())


def test_the_late_gadolinium_stack_is_taken_when_it_is_asked_for(tmp_path):
    write_cine(tmp_path / "s")
    late = flat(images(stored(1, 5), series=30))
    for one in late:
        one.ScanningSequence, one.InversionTime = ["GR", "IR"], "280"
    write(tmp_path / "s", late)
    assert read_study(tmp_path / "s").cine.array.shape[:2] == (5, 6)
    study = read_study(tmp_path / "s", wanted="late-gadolinium")
    np.testing.assert_array_equal(study.cine.array, values(stored(1, 5)))
    assert study.sha256 == content_sha256(tmp_path / "s", wanted="late-gadolinium")


def test_perfusion_phase_maps_and_t1_series_are_no_cine(tmp_path):
    write_cine(tmp_path / "s", stored(5, 5))
    perfusion = flat(images(stored(9, 6), series=40))
    for one in perfusion:
        one.TriggerTime = "120"
    phase = flat(images(stored(5, 6), series=41))
    for one in phase:
        one.ImageType = ["ORIGINAL", "PRIMARY", "P", "ND"]
    mapping = images(stored(8, 6), series=42)
    for t, row in enumerate(mapping):
        for one in row:
            one.ScanningSequence, one.InversionTime = "IR", str(100 + 80 * t)
    write(tmp_path / "s", [*perfusion, *phase, *flat(mapping)])
    assert read_study(tmp_path / "s").cine.array.shape[:2] == (5, 5)


def test_a_nifti_file_does_not_load_the_reader_of_dicom(tmp_path):
    nib.save(
        nib.Nifti1Image(np.random.default_rng(0).random((80, 80, 4)).astype("f4"), np.diag([2, 2, 8, 1])),
        tmp_path / "a.nii",
    )
    code = (
        "import sys; from pathlib import Path; from septum.io import find_images, read_study\n"
        f"read_study(find_images(Path({str(tmp_path)!r})).images[0])\n"
        "assert 'septum.io.dicom.scanning' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
