"""Studies in zip archives, as UK Biobank hands them out: read in place."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from septum.core import VENTRICLES, InputError, Segmentation
from septum.io import content_sha256, find_images, holds_dicom, read_study, write_mask
from support.dicom_study import SECRETS, flat, images, stored, write
from support.full_disk import full_disk

if TYPE_CHECKING:
    from pathlib import Path

NAME = "1234567_20209_2_0.zip"
MANIFEST = "filename,patientid,studyid,seriesid,series discription\n1.dcm,EID,1,CINE_segmented_SAX_b1,x\n"


def biobank(path: Path, manifest: str = "manifest.csv", compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """One series a slice, names that say nothing, and a table."""
    folder = write(path.parent / "made", flat(images(stored(), per_slice=True)))
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(manifest, MANIFEST)
        for file in folder.iterdir():
            archive.write(file, f"1.3.12.2.1107.5.2.18.{file.name}.dcm")
    return path


@pytest.mark.parametrize("manifest", ["manifest.csv", "manifest.cvs"])
def test_an_archive_is_read_as_its_folder_is(tmp_path, manifest):
    archive = biobank(tmp_path / NAME, manifest)
    zipped, plain = read_study(archive), read_study(tmp_path / "made")
    np.testing.assert_array_equal(zipped.cine.array, plain.cine.array)
    assert zipped.cine.array.shape[:2] == (5, 6)
    assert zipped.cine.geometry == plain.cine.geometry
    assert zipped.sha256 == plain.sha256 == content_sha256(archive)


def test_nothing_is_unpacked_to_the_disk(tmp_path):
    archive = biobank(tmp_path / NAME)
    before = sorted(path.name for path in tmp_path.iterdir())
    with full_disk(0):
        study = read_study(archive)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    labels = np.ones(study.cine.array.shape, np.uint8)
    write_mask(tmp_path / "m.nii.gz", Segmentation(labels, study.cine.geometry, VENTRICLES), study)


def test_archives_in_a_folder_are_studies_and_others_are_named(tmp_path):
    archive = biobank(tmp_path / NAME)
    with zipfile.ZipFile(tmp_path / "notes.zip", "w") as other:
        other.writestr("a.txt", "a note")
    (tmp_path / "broken.zip").write_bytes(archive.read_bytes()[:900])
    found = find_images(tmp_path)
    assert archive in found.studies
    assert [path.name for path in found.archives] == ["broken.zip", "notes.zip"]


def test_damage_in_an_archive_is_a_refusal_without_a_name(tmp_path):
    content = bytearray(biobank(tmp_path / NAME, compression=zipfile.ZIP_STORED).read_bytes())
    for at in range(3000, len(content) - 6000, 997):
        content[at] ^= 0xFF
    (tmp_path / "damaged.zip").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_study(tmp_path / "damaged.zip")
    assert not any(secret in str(caught.value) for secret in SECRETS)


def test_a_cut_archive_holds_no_study(tmp_path):
    archive = biobank(tmp_path / NAME)
    archive.write_bytes(archive.read_bytes()[:-100])
    assert not holds_dicom(archive)
    with pytest.raises(InputError, match="unpack"):
        read_study(archive)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_that_cannot_be_unpacked_is_damaged_and_no_error_of_a_library(tmp_path, compression):
    archive = biobank(tmp_path / NAME, compression=compression)
    content = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as opened:
        infos = [info for info in opened.infolist() if info.filename.endswith(".dcm")]
    for info in infos[:3]:
        at = info.header_offset + 30 + len(info.filename) + 9
        content[at : at + 400] = b"\xff" * 400
    archive.write_bytes(content)
    study = read_study(archive)
    assert {"damaged_files", "phases_unequal"} & {note.key for note in study.notes}
    assert content_sha256(archive) == study.sha256
    for info in infos[3:]:
        at = info.header_offset + 30 + len(info.filename) + info.compress_size // 2
        content[at : at + 60] = b"\xff" * 60  # headers are whole, pixels are not
    archive.write_bytes(content)
    with pytest.raises(InputError, match="expected"):
        read_study(archive)
