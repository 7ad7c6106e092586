"""Meshes: the surface of each structure in each frame, in a folder of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from septum.workflows.outputs.base import Option, Output, OutputOptions

if TYPE_CHECKING:
    from pathlib import Path

    from septum.workflows.output_paths import OutputPaths
    from septum.workflows.record import Record
    from septum.workflows.result import Result


class MeshOutput(Output):
    """``NAME_mesh/NAME_LV_000.stl`` and so on; a structure that a frame lacks has none."""

    key: ClassVar[str] = "mesh"
    option: ClassVar[Option] = Option(
        "mesh", "Write surfaces, too.", choices=("stl", "obj", "ply", "glb"), sets="format"
    )
    defaults: ClassVar[OutputOptions] = {"format": "stl"}
    depends_on: ClassVar[Literal["mask", "indices"]] = "mask"

    def write(self, result: Result, paths: OutputPaths, options: OutputOptions) -> None:
        """Write the surfaces.

        Args:
            result: image, mask, numbers and verdict.
            paths: places of the study's files.
            options: of this output, all of them.
        """
        from septum.io.mesh import write_meshes

        write_meshes(self.folder(paths), paths.stem, result.segmentation, file_format=str(options["format"]))

    def reserved(self, paths: OutputPaths) -> tuple[Path, ...]:
        """Name the folder where something else stands in its place; a folder may hold other files."""
        folder = self.folder(paths)
        return () if folder.is_dir() else (folder,)

    def folder(self, paths: OutputPaths) -> Path:
        """Name the folder of meshes."""
        return paths.beside("_mesh")

    def paths(self, paths: OutputPaths, record: Record) -> tuple[Path, ...]:
        """Name a file for each structure and frame that has a voxel."""
        from septum.io.names import mesh_name

        single, file_format = record.input.frames == 1, str(record.outputs[self.key]["format"])
        return tuple(
            self.folder(paths) / mesh_name(paths.stem, name, value, None if single else t, file_format)
            for name, value in record.labels.items()
            for t, volume_ml in enumerate(record.indices.volumes_ml[name])
            if volume_ml > 0
        )
