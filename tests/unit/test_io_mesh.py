"""Meshes of masks: closed, of the mask's volume, and where the mask lies in the patient."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from septum.core import VENTRICLES, InputError, OutputError, Segmentation
from septum.core.surfaces import surface_with_volume_of
from septum.io.mesh import MESH_FORMATS, write_meshes
from septum.phantom import PhantomSettings, beating_heart
from septum.workflows.outputs import OUTPUTS
from support.dicom_out_study import beating_labels, oblique_geometry
from support.full_disk import full_disk


def mirrored(geometry):
    """The same grid with its columns counted from the other side: left-handed."""
    direction = np.asarray(geometry.direction) * [1.0, 1.0, -1.0]
    return replace(geometry, direction=tuple(tuple(float(v) for v in line) for line in direction))


def loaded(path) -> trimesh.Trimesh:
    """A mesh as another program has it: LPS in mm, of vertices that were joined by their place."""
    mesh = trimesh.load(path, force="mesh", merge_norm=True)
    if path.suffix == ".glb":  # X left, Y head, Z front, in metres
        left, head, front = 1000.0 * mesh.vertices.T
        mesh.vertices = np.column_stack([left, -front, head])
    return mesh


def test_every_format_can_be_chosen():
    assert OUTPUTS["mesh"].option.choices == MESH_FORMATS


@pytest.mark.parametrize("handedness", ["right", "left"])
@pytest.mark.parametrize("file_format", MESH_FORMATS)
def test_a_mesh_is_closed_and_lies_where_its_mask_does(file_format, handedness, tmp_path):
    geometry = oblique_geometry() if handedness == "right" else mirrored(oblique_geometry())
    segmentation = Segmentation(beating_labels(), geometry, VENTRICLES)
    paths = write_meshes(tmp_path, "case", segmentation, file_format=file_format, frames=[0, 2])
    names = [f"case_{s}_{t:03}.{file_format}" for t in (0, 2) for s in ("RV", "MYO", "LV")]
    assert [p.name for p in paths] == names == [p.name for p in paths if p.is_file()]
    for path, (t, value) in zip(paths, [(t, v) for t in (0, 2) for v in (1, 2, 3)], strict=True):
        mask = segmentation.labels[t] == value
        mesh = loaded(path)
        assert mesh.is_watertight
        assert mesh.is_winding_consistent
        volume_mm3 = mask.sum() * np.prod(geometry.spacing_mm)
        assert mesh.volume == pytest.approx(volume_mm3, rel=0.02)  # and positive: normals point outwards
        middle = geometry.to_patient_mm(np.argwhere(mask).mean(axis=0))
        assert np.linalg.norm(mesh.center_mass - middle) < 1.0  # slices are 8 mm apart


def test_a_heart_keeps_its_volumes_within_a_percent():
    truth = beating_heart(np.random.default_rng(3), PhantomSettings(frames=3)).truth
    voxel_ml = truth.geometry.voxel_volume_ml
    for t in range(2):
        for value in VENTRICLES.values:
            mask = truth.labels[t] == value
            surface = surface_with_volume_of(mask, truth.geometry.spacing_mm)
            assert surface.volume_ml == pytest.approx(mask.sum() * voxel_ml, rel=0.01)


def test_single_voxels_and_scattered_ones_are_closed_and_keep_their_volume():
    few = np.zeros((8, 20, 20), bool)
    few[0, 0, 0] = few[4, 7, 9] = few[5, 7, 9] = True  # one at the border of the grid
    scattered = np.random.default_rng(0).random((6, 20, 20)) > 0.7
    for mask in (few, scattered):
        surface = surface_with_volume_of(mask, (8.0, 1.5, 1.5))
        assert surface.volume_ml == pytest.approx(mask.sum() * 0.018, rel=0.01)
        assert trimesh.Trimesh(surface.vertices_mm, surface.faces, process=False).is_watertight


def test_files_say_their_axes_and_unit(tmp_path):
    segmentation = Segmentation(beating_labels()[:1], oblique_geometry(), VENTRICLES)
    for file_format in MESH_FORMATS:
        path = write_meshes(tmp_path, "case", segmentation, file_format=file_format)[2]
        assert path.name == f"case_LV.{file_format}"
        said = b"L, S, A of the patient, in metres" if file_format == "glb" else b"SPACE=LPS; mm"
        assert said in path.read_bytes()


def test_a_structure_that_is_missing_has_no_file(tmp_path):
    labels = beating_labels()[:1]
    labels[labels == 1] = 0
    paths = write_meshes(tmp_path, "case", Segmentation(labels, oblique_geometry(), VENTRICLES))
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in paths)
    assert [p.name for p in paths] == ["case_MYO.stl", "case_LV.stl"]


def test_a_full_disk_leaves_no_mesh_behind(tmp_path):
    segmentation = Segmentation(beating_labels(), oblique_geometry(), VENTRICLES)
    with full_disk(room_bytes=100_000), pytest.raises(OutputError, match="cannot be written"):
        write_meshes(tmp_path, "case", segmentation)  # the first has room
    assert list(tmp_path.iterdir()) == []


def test_unknown_formats_and_frames_are_refused(tmp_path):
    segmentation = Segmentation(beating_labels(), oblique_geometry(), VENTRICLES)
    with pytest.raises(InputError, match="stl, obj, ply, glb"):
        write_meshes(tmp_path, "case", segmentation, file_format="vtk")
    with pytest.raises(InputError, match="between 0 and 3"):
        write_meshes(tmp_path, "case", segmentation, frames=[7])
