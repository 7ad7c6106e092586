"""Files that cannot be used: each is refused in one sentence that names it and says what to do."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Header

from septum.core import InputError
from septum.io import read_mask, read_study

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SHAPE = (80, 72, 5)


def noise(shape: tuple[int, ...] = SHAPE, dtype: str = "<i2") -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, 1000, shape).astype(dtype)


def nifti(array: NDArray[Any], pixdim: tuple[float, ...] = (1.5, 1.5, 8.0), **fields: object) -> bytes:
    header = Nifti1Header(endianness="<")
    if array.dtype.kind != "V" or array.dtype.names:
        header.set_data_dtype(array.dtype)
    header.set_data_shape(array.shape)
    header["pixdim"][1:4] = pixdim
    header["vox_offset"] = 352
    for name, value in fields.items():
        header[name] = value
    return bytes(header.binaryblock) + bytes(4) + array.tobytes("F")


def refused(path: Path, said: str, read: Callable[[Path], object] = read_study) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read(path)
    sentence = str(caught.value)
    assert str(path) in sentence
    assert "expected" in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def refused_content(tmp_path: Path, content: bytes, said: str, name: str = "a.nii") -> None:
    path = tmp_path / name
    path.write_bytes(content)
    refused(path, said)
    assert list(tmp_path.iterdir()) == [path]


def with_voxel(value: float) -> NDArray[Any]:
    array = noise(dtype="<f4")
    array[3, 4, 2] = value
    return array


def test_a_missing_file(tmp_path: Path) -> None:
    refused(tmp_path / "a.nii.gz", "missing")


def test_a_folder(tmp_path: Path) -> None:
    refused(tmp_path, "folder")


def test_an_unknown_ending_tells_the_known_ones(tmp_path: Path) -> None:
    refused_content(tmp_path, b"", r"\.nii\.gz.*\.nrrd", "a.xyz")


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.nii"
    path.write_bytes(nifti(noise()))

    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", deny)
    refused(path, "Permission denied")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.hdr"])
@pytest.mark.parametrize("content", [b"", b"a note\n", b"x" * 1000])
def test_content_that_is_no_nifti(tmp_path: Path, name: str, content: bytes) -> None:
    refused_content(tmp_path, content, "not a NIfTI file", name)


@pytest.mark.parametrize("kept", [0.001, 0.3, 0.7, 0.999])
def test_a_truncated_gzip(tmp_path: Path, kept: float) -> None:
    whole = gzip.compress(nifti(noise()))
    refused_content(
        tmp_path, whole[: int(len(whole) * kept)], "cannot be read|cut short|not a NIfTI", "a.nii.gz"
    )


def test_a_gzip_that_lacks_only_its_checksum(tmp_path: Path) -> None:
    refused_content(tmp_path, gzip.compress(nifti(noise()))[:-6], "cannot be read", "a.nii.gz")


def test_a_gzip_with_a_wrong_checksum(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(nifti(noise())))
    whole[-8] ^= 0xFF
    refused_content(tmp_path, bytes(whole), "cannot be read", "a.nii.gz")


def test_a_truncated_plain_file(tmp_path: Path) -> None:
    refused_content(tmp_path, nifti(noise())[:-100], "cut short")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_header_that_promises_more_than_the_file_can_hold(tmp_path: Path, name: str) -> None:
    content = nifti(noise(), dim=(3, 1000, 1000, 500, 1, 1, 1, 1))
    refused_content(tmp_path, gzip.compress(content) if name.endswith("gz") else content, "cut short", name)


def test_a_header_that_promises_more_than_is_ever_read(tmp_path: Path) -> None:
    refused_content(tmp_path, nifti(noise(), dim=(4, 30000, 30000, 30000, 30000, 1, 1, 1)), "too large")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_that_are_no_numbers(tmp_path: Path, value: float) -> None:
    refused_content(tmp_path, nifti(with_voxel(value)), "1 of 28,800 voxels")
    refused(tmp_path / "a.nii", "1 of 28,800 voxels", read_mask)


def test_double_values_beyond_float32(tmp_path: Path) -> None:
    refused_content(tmp_path, nifti(with_voxel(1.0).astype("<f8") * 1e200), "NaN or infinity")


def test_a_constant_image(tmp_path: Path) -> None:
    refused_content(tmp_path, nifti(np.full(SHAPE, 7, "<i2")), "constant")
    refused(tmp_path / "a.nii", "constant", lambda path: read_study(path, allow_mask=True))


def test_an_empty_mask_is_no_image(tmp_path: Path) -> None:
    refused_content(tmp_path, nifti(np.zeros(SHAPE, "<i2")), "constant")
    assert not read_study(tmp_path / "a.nii", allow_mask=True).cine.array.any()


@pytest.mark.parametrize("dtype", [[("R", "u1"), ("G", "u1"), ("B", "u1")], "<c8"])
def test_colours_and_complex_values(tmp_path: Path, dtype: Any) -> None:
    refused_content(tmp_path, nifti(np.ones(SHAPE, dtype)), "grey values")


def test_an_unknown_data_type_and_a_vector_intent(tmp_path: Path) -> None:
    refused_content(tmp_path, nifti(noise(), datatype=9999), "grey values")
    refused_content(tmp_path, nifti(noise((80, 72, 1, 1, 3)), intent_code=2003), "grey values")
    refused_content(tmp_path, nifti(noise((80, 72, 5, 1, 3)), intent_code=1007), "grey values")


def test_a_cine_written_as_a_vector_is_a_cine(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    for shape, intent in (((80, 72, 5, 1, 5), 1007), ((80, 72, 5, 1, 3), 0)):
        path.write_bytes(nifti(noise(shape), intent_code=intent))
        assert len(read_study(path).cine) == shape[-1]


@pytest.mark.parametrize("pixdim", [(0, 1.5, 8), (1.5, -1.5, 8), (1.5, 1.5, np.nan), (np.inf, 1.5, 8)])
def test_spacings_that_are_no_lengths(tmp_path: Path, pixdim: tuple[float, ...]) -> None:
    refused_content(tmp_path, nifti(noise(), pixdim), "give the true spacing")


@pytest.mark.parametrize(
    "pixdim",
    [
        (0.0015, 0.0015, 0.008),  # metres, not said so
        (15.0, 15.0, 80.0),  # cm taken for mm, and the like
        (1.5, 1.5, 80.0),
        (0.1, 0.1, 8.0),
        (0.5, 0.5, 8.0),  # a field of 40 mm
    ],
)
def test_spacings_that_do_not_fit_a_heart(tmp_path: Path, pixdim: tuple[float, ...]) -> None:
    refused_content(tmp_path, nifti(noise(), pixdim), "heart.*give the true spacing")
    read_study(tmp_path / "a.nii", spacing_mm=(8.0, 1.5, 1.5))


def test_a_spacing_asked_for_that_does_not_fit_a_heart_is_to_blame(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    path.write_bytes(nifti(noise()))
    said = r"spacing that was given.*with voxels of 1\.5 x 1\.5 x 8 mm.*their order, which is Z, Y, X\.$"
    refused(path, said, lambda path: read_study(path, spacing_mm=(1.5, 1.5, 8.0)))


@pytest.mark.parametrize(
    ("shape", "pixdim", "stack"),
    [
        ((216, 256, 10), (1.0, 1.0, 1.0), "10 slices in 10 mm"),
        ((216, 10, 256), (1.0, 1.0, 1.0), "10 slices in 10 mm"),
        ((200, 200, 10), (1.5, 1.5, 1.0), "10 slices in 10 mm"),
        ((80, 72, 4), (1.5, 1.5, 6.0), "4 slices in 24 mm"),
    ],
)
def test_a_stack_too_thin_for_a_heart(
    tmp_path: Path, shape: tuple[int, ...], pixdim: tuple[float, ...], stack: str
) -> None:
    refused_content(tmp_path, nifti(noise(shape), pixdim), f"{stack}.*give the true spacing")


@pytest.mark.parametrize(
    ("shape", "pixdim"),
    [
        ((80, 72, 3), (1.5, 1.5, 1.0)),
        ((80, 72, 4), (1.5, 1.5, 6.25)),
        ((148, 132, 88), (0.625, 0.625, 0.625)),
    ],
)
def test_a_few_slices_or_a_stack_as_thick_as_a_heart(
    tmp_path: Path, shape: tuple[int, ...], pixdim: tuple[float, ...]
) -> None:
    path = tmp_path / "a.nii"
    path.write_bytes(nifti(noise(shape), pixdim))
    assert read_study(path).cine.geometry.spacing_mm == pytest.approx(pixdim[::-1])


def test_a_lost_spacing_that_the_affine_still_holds(tmp_path: Path) -> None:
    rows = {"srow_x": (1.5, 0, 0, 0), "srow_y": (0, 1.5, 0, 0), "srow_z": (0, 0, 10, 0)}
    content = nifti(noise((200, 200, 10)), (1.0, 1.0, 1.0), sform_code=1, **rows)
    refused_content(
        tmp_path, content, r"the affine is scaled to voxels of 10 x 1\.5 x 1\.5 mm.*give the true spacing"
    )


@pytest.mark.parametrize("asked", [(8.0, 0.0, 1.5), (8.0, -1.5, 1.5), (8.0, np.nan, 1.5)])
def test_a_spacing_asked_for_that_is_no_length(tmp_path: Path, asked: tuple[float, float, float]) -> None:
    path = tmp_path / "a.nii"
    path.write_bytes(nifti(noise()))
    refused(path, "give the true spacing", lambda path: read_study(path, spacing_mm=asked))


@pytest.mark.parametrize("shape", [(5000,), (5000, 1, 1), (80, 72, 5, 2, 3)])
def test_shapes_that_are_no_study(tmp_path: Path, shape: tuple[int, ...]) -> None:
    refused_content(tmp_path, nifti(noise(shape)), "unsupported shape")


@pytest.mark.parametrize("dim", [(0, *SHAPE, 1, 1, 1, 1), (9, *SHAPE, 1, 1, 1, 1), (3, 80, 0, 5, 1, 1, 1, 1)])
def test_damaged_dimensions(tmp_path: Path, dim: tuple[int, ...]) -> None:
    refused_content(tmp_path, nifti(noise(), dim=dim), "damaged header|not a NIfTI")


@pytest.mark.parametrize("offset", [np.nan, np.inf, 1e30])
def test_a_damaged_offset(tmp_path: Path, offset: float) -> None:
    refused_content(tmp_path, nifti(noise(), vox_offset=offset), "cannot be read|cut short")


@pytest.mark.parametrize("labels", [(1, 2, 3), (1, 1, 1), (255, 255, 255), (205, 420, 500)])
def test_a_mask_given_as_image(tmp_path: Path, labels: tuple[int, ...]) -> None:
    array = np.zeros(SHAPE, "<i2")
    for value, start in zip(labels, (10, 30, 50), strict=True):
        array[start : start + 15, 20:35] = value
    found = len({0, *labels})
    refused_content(tmp_path, nifti(array), f"looks like a mask.*found {found} whole values")
    read_study(tmp_path / "a.nii", allow_mask=True)


@pytest.mark.parametrize("levels", [4, 11])
def test_an_image_of_low_contrast_is_no_mask(tmp_path: Path, levels: int) -> None:
    path = tmp_path / "a.nii"
    path.write_bytes(nifti(noise() % levels))
    assert read_study(path).cine.array.max() == levels - 1


@pytest.mark.parametrize("value", [0.5, -1.0, 70000.0])
def test_an_image_given_as_mask(tmp_path: Path, value: float) -> None:
    path = tmp_path / "a.nii"
    path.write_bytes(nifti(with_voxel(value)))
    refused(path, "not a mask", read_mask)
