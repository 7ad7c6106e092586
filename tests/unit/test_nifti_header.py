"""The header's own code against nibabel: quaternions, both versions, both byte orders."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from septum.core import VENTRICLES, Cine, Geometry, Segmentation
from septum.io import read_study, write_mask
from septum.io.nifti_header import FIELDS, image_header, mask_header, parse_header, rotation_of

SHAPE = (14, 12, 5)
ZOOMS = (1.5, 1.25, 8.0)
KINDS = {348: nib.Nifti1Header, 540: nib.Nifti2Header}
IMAGES = {348: nib.Nifti1Image, 540: nib.Nifti2Image}
#: Of a half turn, a quaternion in numbers of this precision tells the axis to the root of their rounding.
ROUNDED = {348: 2e-3, 540: 1e-7}
#: Components of a quaternion before it is brought to length 1.
TURN = st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.linalg.norm(q) > 0.1)
#: Turns whose quaternions are at the border of what can be told: halves and quarters.
RIGHT_ANGLES = st.sampled_from(
    [
        (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1),
        (1, 1, 0, 0), (1, 1, 1, 1), (0, 1, 1, 0), (0, 1, 0, -1),
    ]
)  # fmt: skip


def rotation(turn):
    return nib.quaternions.quat2mat(np.asarray(turn, float) / np.linalg.norm(turn))


@pytest.mark.parametrize("size", FIELDS)
def test_fields_lie_where_nibabel_has_them(size):
    theirs = KINDS[size].template_dtype
    assert FIELDS[size].itemsize == theirs.itemsize == size
    for name in FIELDS[size].names:
        assert FIELDS[size].fields[name][1] == theirs.fields[name][1], name
        assert FIELDS[size][name].itemsize == theirs[name].itemsize, name


@pytest.mark.parametrize("size", FIELDS)
@pytest.mark.parametrize("order", ["<", ">"])
@given(turn=TURN | RIGHT_ANGLES, qfac=st.sampled_from([1.0, -1.0]))
def test_the_rotation_is_nibabels_in_both_versions_and_byte_orders(size, order, turn, qfac):
    header = KINDS[size](endianness=order)
    header.set_data_shape(SHAPE)
    affine = np.eye(4)
    affine[:3, :3] = rotation(turn) * [*ZOOMS[:2], qfac * ZOOMS[2]]
    header.set_qform(affine, code=1)
    parsed = parse_header(header.binaryblock)
    assert parsed.dtype == FIELDS[size].newbyteorder(order)
    assert parsed["dim"].tolist() == header["dim"].tolist()
    found = rotation_of(parsed) * [1.0, 1.0, parsed["pixdim"][0]]
    np.testing.assert_allclose(found, header.get_qform()[:3, :3] / ZOOMS, atol=ROUNDED[size])


def test_a_quaternion_that_is_too_long_or_no_number_is_none():
    header = parse_header(nib.Nifti1Header().binaryblock).copy()
    header["quatern_b"] = 1.0
    np.testing.assert_allclose(rotation_of(header), np.diag([1.0, -1.0, -1.0]))
    header["quatern_c"] = 0.1
    assert rotation_of(header) is None
    header["quatern_c"] = np.nan
    assert rotation_of(header) is None


@given(
    turn=TURN | RIGHT_ANGLES,
    flips=st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3),
    frames=st.sampled_from([1, 3]),
    dtype=st.sampled_from(["u1", "i2", "f4"]),
)
def test_an_image_in_any_orientation_is_read_by_nibabel_as_it_was(turn, flips, frames, dtype):
    directions = rotation(turn) * flips  # of (Z, Y, X) in LPS: right-handed and left-handed
    geometry = Geometry((5, 12, 14), (8.0, 1.25, 1.5), (10.0, -20.0, 30.0), tuple(map(tuple, directions)))
    values = np.random.default_rng(0).integers(0, 200, (frames, *geometry.shape)).astype(f"<{dtype}")
    content = image_header(Cine(values, geometry, 40.0)) + values.tobytes()
    image = nib.Nifti1Image.from_bytes(content)
    np.testing.assert_array_equal(np.asarray(image.dataobj), values.T if frames > 1 else values[0].T)
    assert image.header.get_zooms() == pytest.approx((1.5, 1.25, 8.0, 0.04)[: image.ndim])
    for affine, share in ((image.get_sform(), 1e-6), (image.get_qform(), ROUNDED[348])):
        for k, j, i in ((0, 0, 0), (4, 11, 13), (2, 0, 7)):
            expected = geometry.to_patient_mm((k, j, i)) * [-1.0, -1.0, 1.0]  # LPS to RAS
            np.testing.assert_allclose(affine @ [i, j, k, 1.0], [*expected, 1.0], atol=50 * share)


@pytest.mark.parametrize("size", FIELDS)
@pytest.mark.parametrize("order", ["<", ">"])
@given(
    turn=TURN | RIGHT_ANGLES,
    qfac=st.sampled_from([1.0, -1.0]),
    codes=st.sampled_from([(1, 0), (0, 1), (2, 1)]),
)
@settings(max_examples=40)
def test_the_mask_of_an_image_has_its_affine_in_both_versions_and_byte_orders(size, order, turn, qfac, codes):
    affine = np.eye(4)
    affine[:3, :3] = rotation(turn) * [*ZOOMS[:2], qfac * ZOOMS[2]]
    affine[:3, 3] = (-30.0, 12.5, 80.0)
    header = KINDS[size](endianness=order)
    header.set_data_shape(SHAPE)
    header.set_data_dtype(np.int16)
    header.set_sform(affine, codes[0])
    header.set_qform(affine, codes[1])
    header.set_xyzt_units("mm", "sec")
    parsed = parse_header(header.binaryblock)
    labels = np.random.default_rng(0).integers(0, 4, SHAPE).astype(np.uint8)
    content = mask_header(parsed, SHAPE, ZOOMS) + labels.tobytes("F")
    mask = IMAGES[size].from_bytes(content)
    assert mask.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(np.asarray(mask.dataobj), labels)
    np.testing.assert_allclose(mask.affine, header.get_best_affine(), rtol=0, atol=1e-9)
    assert mask.header.get_zooms() == ZOOMS
    for field in ("sform_code", "qform_code", "xyzt_units"):
        assert mask.header[field] == header[field]


@pytest.mark.parametrize("size", FIELDS)
def test_a_big_endian_file_of_either_version_gets_a_mask_that_lies_on_it(size, tmp_path):
    image = IMAGES[size](
        np.random.default_rng(0).integers(0, 999, (80, 72, 5)).astype(">i2"),
        np.array([[0, 0, 8, -10], [1.5, 0, 0, 20], [0, -1.25, 0, 30], [0, 0, 0, 1]], float),
        KINDS[size](endianness=">"),
    )
    nib.save(image, tmp_path / "a.nii")
    assert (tmp_path / "a.nii").read_bytes()[:4] == size.to_bytes(4, "big")
    study = read_study(tmp_path / "a.nii")
    np.testing.assert_array_equal(study.cine.array[0], np.asarray(image.dataobj).T)
    labels = (study.cine.array > 500).astype(np.uint8)
    write_mask(tmp_path / "m.nii.gz", Segmentation(labels, study.cine.geometry, VENTRICLES), study)
    mask = nib.load(tmp_path / "m.nii.gz")
    assert isinstance(mask, IMAGES[size])
    np.testing.assert_array_equal(mask.affine, nib.load(tmp_path / "a.nii").affine)
    np.testing.assert_array_equal(np.asarray(mask.dataobj), labels[0].T)
