"""Meshes of masks for other programs: STL, OBJ, PLY and GLB, a file for each structure and frame."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import numpy as np
import trimesh

from septum.core import InputError
from septum.core.files import atomic_path
from septum.core.surfaces import surface_with_volume_of
from septum.io.frames import frames_to_write
from septum.io.names import mesh_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from septum.core import Geometry, Segmentation, Structure
    from septum.core.surfaces import Surface

_STL_HEADER_BYTES = 80
#: LPS to the axes of glTF 2.0: X is the patient's left, Y the head and Z the front; columns are L, P, S.
_LPS_TO_GLTF = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


def write_meshes(
    folder: Path,
    name: str,
    segmentation: Segmentation,
    *,
    file_format: str = "stl",
    frames: Sequence[int] | None = None,
) -> tuple[Path, ...]:
    """Write the surface of each structure in each frame, closed, with the volume of its voxels.

    Surfaces are those of :func:`septum.core.surfaces.surface_with_volume_of`, in patient coordinates: LPS (x
    to the left, y to the back, z to the head) in mm, whatever the axes of the image's file. GLB is in metres
    with Y up, as glTF demands: (x, z, -y) / 1000. Triangles turn counter-clockwise seen from outside.

    Args:
        folder: where to; it is made.
        name: how the files' names begin: ``NAME_LV_000.stl`` of frame 0, ``NAME_LV.stl`` of a single frame.
        segmentation: labels with their grid.
        file_format: ``stl`` (binary), ``obj``, ``ply`` (binary) or ``glb`` (in the structure's colour).
        frames: which, from 0; all by default.

    Returns:
        The files written, in the order of frames and structures. A structure that a frame lacks has none.

    Raises:
        InputError: an unknown format, or a frame that is not there.
        OutputError: a file cannot be written. Files take their names when all are whole, so none is left.
    """
    if file_format not in _ENCODERS:
        raise InputError(f"expected one of the mesh formats {', '.join(_ENCODERS)}, got {file_format}.")
    count = len(segmentation.labels)
    asked = frames_to_write(frames, count)
    paths = []
    with _no_empty(folder), ExitStack() as files:
        for t in asked:
            for structure in segmentation.schema.structures:
                surface = surface_with_volume_of(
                    segmentation.labels[t] == structure.value, segmentation.geometry.spacing_mm
                )
                if surface is None:
                    continue
                frame = t if count > 1 else None
                path = folder / mesh_name(name, structure.name, structure.value, frame, file_format)
                mesh = patient_mesh(surface, segmentation.geometry)
                files.enter_context(atomic_path(path)).write_bytes(
                    _ENCODERS[file_format](mesh, structure, f"{structure.name}, frame {t}")
                )
                paths.append(path)
    return tuple(paths)


@contextmanager
def _no_empty(folder: Path) -> Iterator[None]:
    """Leave no empty folder behind if something goes wrong, where there was none."""
    was_there = folder.exists()
    try:
        yield
    except BaseException:
        if not was_there:
            with suppress(OSError):  # others have put something there, or it was not made
                folder.rmdir()
        raise


def patient_mesh(surface: Surface, geometry: Geometry) -> trimesh.Trimesh:
    """A surface in patient coordinates, LPS in mm, whose triangles turn counter-clockwise seen from outside.

    Args:
        surface: with places along (Z, Y, X) of the grid.
        geometry: the grid, left-handed or right-handed.
    """
    direction = np.asarray(geometry.direction)
    vertices = np.asarray(geometry.origin_mm) + surface.vertices_mm @ direction.T
    faces = surface.faces
    a, b, c = (vertices[faces[:, k]] - vertices.mean(axis=0) for k in range(3))
    if np.einsum("ij,ij->", a, np.cross(b, c)) < 0.0:
        faces = faces[:, ::-1]
    return trimesh.Trimesh(vertices, faces, process=False)


def _said(what: str) -> str:
    """What a header says; programs that look for ``SPACE=LPS`` find it."""
    return f"Septum: {what}; SPACE=LPS; mm".encode("ascii", "replace").decode("ascii")


def _stl(mesh: trimesh.Trimesh, _: Structure, what: str) -> bytes:
    header = _said(what).encode()[:_STL_HEADER_BYTES].ljust(_STL_HEADER_BYTES)
    return header + trimesh.exchange.stl.export_stl(mesh)[_STL_HEADER_BYTES:]


def _obj(mesh: trimesh.Trimesh, _: Structure, what: str) -> bytes:
    text = trimesh.exchange.obj.export_obj(  # type: ignore[no-untyped-call]
        mesh, include_normals=False, header=_said(what)
    )
    return text.encode()


def _ply(mesh: trimesh.Trimesh, _: Structure, what: str) -> bytes:
    magic, form, rest = trimesh.exchange.ply.export_ply(mesh, encoding="binary").split(b"\n", 2)
    return b"\n".join((magic, form, b"comment " + _said(what).encode(), rest))


def _glb(mesh: trimesh.Trimesh, structure: Structure, what: str) -> bytes:
    turned = trimesh.Trimesh(mesh.vertices @ _LPS_TO_GLTF.T / 1000.0, mesh.faces, process=False)
    colour = [*(c / 255.0 for c in structure.colour), 1.0]
    material = trimesh.visual.material.PBRMaterial(  # type: ignore[no-untyped-call]
        baseColorFactor=colour, metallicFactor=0.0, roughnessFactor=0.8
    )
    turned.visual = trimesh.visual.TextureVisuals(material=material)  # type: ignore[no-untyped-call]
    turned.metadata["septum"] = f"{what}; x, y, z are L, S, A of the patient, in metres"
    scene = trimesh.Scene(turned)
    return trimesh.exchange.gltf.export_glb(scene, include_normals=True)  # type: ignore[no-untyped-call]


_ENCODERS: dict[str, Callable[[trimesh.Trimesh, Structure, str], bytes]] = {
    "stl": _stl,
    "obj": _obj,
    "ply": _ply,
    "glb": _glb,
}
MESH_FORMATS = tuple(_ENCODERS)
