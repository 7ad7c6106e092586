"""Meshes: the surface of each structure at end-diastole and end-systole, or in each frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from septum.workflows.outputs.base import Option, Output, OutputOptions, same_phases

if TYPE_CHECKING:
    from pathlib import Path

    from septum.workflows.options import IndexSettings
    from septum.workflows.output_paths import OutputPaths
    from septum.workflows.record import Record
    from septum.workflows.result import Result


class MeshOutput(Output):
    """``NAME_mesh/NAME_LV_000.stl`` and so on; a structure that a frame lacks has none.

    Without ``all_frames`` they are of end-diastole and end-systole; where these are not known, of all.
    """

    key: ClassVar[str] = "mesh"
    option: ClassVar[Option] = Option(
        "mesh",
        "Write surfaces at end-diastole and end-systole, too.",
        choices=("stl", "obj", "ply", "glb"),  # as io.mesh has them, which --help does not load
        sets="format",
    )
    modifiers: ClassVar[tuple[Option, ...]] = (
        Option("all-frames", "Write surfaces of every frame, not of ED and ES alone.", sets="all_frames"),
    )
    defaults: ClassVar[OutputOptions] = {"format": "stl", "all_frames": False}

    def write(self, result: Result, paths: OutputPaths, options: OutputOptions) -> None:
        """Write the surfaces.

        Args:
            result: image, mask, numbers and verdict.
            paths: places of the study's files.
            options: of this output, all of them.
        """
        from septum.io.mesh import write_meshes

        phases = None if _of_all_frames(options) else result.indices.phases
        frames = None if phases is None else (phases.end_diastole, phases.end_systole)
        write_meshes(
            self.folder(paths), paths.stem, result.segmentation, file_format=str(options["format"]),
            frames=frames,
        )  # fmt: skip

    def satisfies(self, earlier: OutputOptions, options: OutputOptions) -> bool:
        """Take meshes of all frames where those of two are enough."""
        enough = _of_all_frames(earlier) or not _of_all_frames(options)
        return enough and earlier["format"] == options["format"]

    def stays(self, options: OutputOptions, earlier: Record, indices: IndexSettings) -> bool:
        """Keep meshes of all frames, and those of the two frames that are the phases now, too.

        Args:
            options: by which the meshes were made.
            earlier: JSON of that run, whose mask is kept.
            indices: how they are taken now.
        """
        return _of_all_frames(options) or same_phases(earlier, indices)

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

        options, indices = record.outputs[self.key], record.indices
        single, file_format = record.input.frames == 1, str(options["format"])
        phases = (indices.end_diastole_frame, indices.end_systole_frame)
        every = _of_all_frames(options) or None in phases
        return tuple(
            self.folder(paths) / mesh_name(paths.stem, name, value, None if single else t, file_format)
            for name, value in record.labels.items()
            for t, volume_ml in enumerate(record.indices.volumes_ml[name])
            if volume_ml > 0 and (every or t in phases)
        )


def _of_all_frames(options: OutputOptions) -> bool:
    """Whether meshes are of every frame, as they were before there was a choice."""
    return bool(options.get("all_frames", True))
