"""What the viewer shows beside the short axis: long axes with their lines, volumes for three dimensions."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from septum import write_image
from septum.core import LEFT_ATRIUM, Cine, Geometry, Segmentation
from septum.io import read_mask, read_study
from support.view_studies import Page, beating, write_dicom_with_long_axis, write_result


@pytest.fixture(scope="module")
def dicom(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dicom")
    write_dicom_with_long_axis(folder, folder / "out")
    return folder / "out"


def test_a_long_axis_is_shown_with_the_lines_in_which_both_cut_each_other(dicom):
    page = Page.of(dicom)
    (one,) = page.get(f"/api/studies/{page.key}/long-axes")["long_axes"]
    assert "secret" not in one["name"]
    told = page.get(f"/api/studies/{page.key}/long-axes/{one['id']}")
    shape = told["shape"]
    assert len(base64.b64decode(told["image"])) == np.prod(shape)
    assert len(told["lines"]) == len(told["sax_lines"]) == page.study()["shape"][1]
    cut = [line for line in told["sax_lines"] if line is not None]
    assert len(cut) >= 4
    for (y0, x0), (y1, x1) in cut:
        assert -0.5 <= min(y0, y1) <= max(y0, y1) <= page.study()["shape"][2] - 0.5
        assert -0.5 <= min(x0, x1) <= max(x0, x1) <= page.study()["shape"][3] - 0.5
    middles = np.array([np.mean(line, axis=0) for line in told["lines"] if line is not None])
    steps = np.linalg.norm(np.diff(middles, axis=0) * told["spacing_mm"], axis=1)
    assert (steps >= 10.0 - 1e-6).all()  # the slices' distance, or more where the planes lean
    assert page.client.get(f"/api/studies/{page.key}/long-axes/9").status_code == 404


def test_a_study_without_long_axes_says_so(tmp_path):
    write_result(tmp_path)
    page = Page.of(tmp_path)
    assert page.get(f"/api/studies/{page.key}/long-axes") == {"long_axes": []}


def test_who_the_patient_is_is_told_only_where_that_is_wanted(dicom):
    assert Page.of(dicom).study()["identity"] is None
    assert "Known, Somebody" in Page.of(dicom, identify=True).study()["identity"].values()


def test_an_atrium_is_shown_and_corrected_as_a_ventricle_is_and_has_its_volume_as_nifti(tmp_path):
    grid = Geometry((88, 64, 64), (1.0, 1.25, 1.25))
    z, y, x = np.ogrid[:88, :64, :64]
    ball = ((z - 44) ** 2 + ((y - 32) * 1.25) ** 2 + ((x - 32) * 1.25) ** 2 < 25**2).astype(np.uint8)[None]
    write_result(tmp_path, "atrium", mask=Segmentation(ball, grid, LEFT_ATRIUM))
    page = Page.of(tmp_path)
    study = page.study()
    assert study["is_atrium"]
    assert (study["shape"], [one["name"] for one in study["labels"]]) == ([1, 88, 64, 64], ["LA"])
    answer = page.edit("slice", frames=[0], slices=[44], structures=None, present=False)
    lost = ball[0, 44].sum() * 1.5625 / 1000.0
    volumes = [told["volumes_ml"]["LA"][0] for told in (study["numbers"], answer["numbers"])]
    assert volumes[0] - volumes[1] == pytest.approx(lost, abs=2e-4)
    for which, read in (("image", read_study), ("mask", read_mask)):
        content = page.client.get(f"/api/studies/{page.key}/volume?which={which}")
        path = tmp_path / f"{which}.nii"
        path.write_bytes(content.content)
        cine = read(path).cine
        assert cine.array.shape == (1, 88, 64, 64)
        np.testing.assert_allclose(
            cine.geometry.origin_mm, read_study(tmp_path / "atrium.nii.gz").cine.geometry.origin_mm
        )
    assert not cine.array[0, 44].any()
    for wrong in ("which=all", "which=mask&frame=1", "which=mask&frame=x"):
        assert page.client.get(f"/api/studies/{page.key}/volume?{wrong}").status_code in (400, 404)


def test_an_image_elsewhere_is_found_where_the_user_says(tmp_path):
    from septum.workflows.cases import plan_cases

    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "a" / "out").mkdir(parents=True)
    image = write_result(tmp_path / "far" / "away")
    write_result(tmp_path / "a" / "out", image=image)
    assert not Page.of(tmp_path / "a" / "out").study()["image"]["available"]
    named = {case.name: case for case in plan_cases([tmp_path / "far"], tmp_path / "a" / "out").cases}
    assert Page.of(tmp_path / "a" / "out", named=named).study()["image"]["available"]


def test_another_image_of_the_same_name_is_not_taken(tmp_path):
    (tmp_path / "out").mkdir()
    image = write_result(tmp_path / "out")
    image.rename(tmp_path / "other.nii.gz")
    voxels = read_study(tmp_path / "other.nii.gz").cine
    write_image(image, Cine(voxels.array + 1.0, voxels.geometry))
    assert not Page.of(tmp_path / "out").study()["image"]["available"]


def test_end_diastole_and_end_systole_in_two_files_are_found_together(tmp_path):
    from septum.workflows.two_phases import TwoPhases

    (tmp_path / "p1").mkdir()
    cine = read_study(write_result(tmp_path)).cine
    for name, t in (("p1_ED", 0), ("p1_ES", 2)):
        write_image(tmp_path / "p1" / f"{name}.nii.gz", Cine(cine.array[t : t + 1], cine.geometry))
    pair = TwoPhases(tmp_path / "p1" / "p1_ED.nii.gz", tmp_path / "p1" / "p1_ES.nii.gz")
    two = beating()
    mask = Segmentation(two.labels[[0, 2]], two.geometry, two.schema)
    write_result(tmp_path / "out", "p1", mask=mask, study=pair.read())
    study = Page.of(tmp_path / "out").study()
    assert study["image"]["available"]
    assert study["shape"][0] == 2
