"""3D Slicer's files: segmentations with named segments, and of a cine a sequence that Slicer plays."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from septum.workflows.outputs.base import Option, Output, OutputOptions, same_phases

if TYPE_CHECKING:
    from pathlib import Path

    from septum.workflows.options import IndexSettings
    from septum.workflows.output_paths import OutputPaths
    from septum.workflows.record import Record
    from septum.workflows.result import Result

#: Of a study of one frame; of end-diastole and end-systole of a cine; of all frames of a cine.
_ALONE, _ED, _ES, _SEQUENCE = ".seg.nrrd", "_ED.seg.nrrd", "_ES.seg.nrrd", "_seg.seq.nrrd"


class SegNrrdOutput(Output):
    """``NAME.seg.nrrd``; of a cine ``NAME_seg.seq.nrrd``, and both phases, where they are known."""

    key: ClassVar[str] = "seg-nrrd"
    option: ClassVar[Option] = Option("seg-nrrd", "Write segmentations for 3D Slicer, of a cine a sequence.")
    endings: ClassVar[tuple[str, ...]] = (_ALONE, _ED, _ES, _SEQUENCE)

    def write(self, result: Result, paths: OutputPaths, options: OutputOptions) -> None:
        """Write the files.

        Args:
            result: image, mask, numbers and verdict.
            paths: places of the study's files.
            options: it has none.
        """
        del options
        from septum.io.slicer import write_slicer_segmentation, write_slicer_sequence

        mask, phases = result.segmentation, result.indices.phases
        if len(mask.labels) == 1:
            write_slicer_segmentation(paths.beside(_ALONE), mask, 0)
            return
        if phases is not None:
            write_slicer_segmentation(paths.beside(_ED), mask, phases.end_diastole)
            write_slicer_segmentation(paths.beside(_ES), mask, phases.end_systole)
        write_slicer_sequence(paths.beside(_SEQUENCE), mask, result.study.cine.times_ms)

    def stays(self, options: OutputOptions, earlier: Record, indices: IndexSettings) -> bool:
        """Keep the files where the phases are the same.

        Args:
            options: by which the files were made.
            earlier: JSON of that run, whose mask is kept.
            indices: how they are taken now.
        """
        del options
        return same_phases(earlier, indices)

    def paths(self, paths: OutputPaths, record: Record) -> tuple[Path, ...]:
        """Name the one file, or those of the cine: both phases, where they are known, and the sequence."""
        if record.input.frames == 1:
            return (paths.beside(_ALONE),)
        known = record.indices.end_diastole_frame is not None
        return tuple(paths.beside(ending) for ending in ((_ED, _ES) if known else ()) + (_SEQUENCE,))

    def is_copy(self, path: Path) -> bool:
        """Tell whether a file has the name of one of these beside the JSON of its mask."""
        from septum.io.names import RECORD_ENDING

        stems = (path.name.removesuffix(ending) for ending in self.endings if path.name.endswith(ending))
        return any(path.with_name(f"{stem}{RECORD_ENDING}").is_file() for stem in stems)
