"""What every output is: files that are made of a result and stand beside its mask.

A new output is one file in this folder, with a class that inherits from :class:`Output`, and one line in
:data:`septum.workflows.outputs.OUTPUTS`. The command line, the JSON, a run that goes on where another stopped
and the guard against overwriting know it from there.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from septum.core import Note, Study
    from septum.workflows.options import IndexSettings
    from septum.workflows.output_paths import OutputPaths
    from septum.workflows.record import Record
    from septum.workflows.result import Result

#: How one output is made: its own options by name, each a switch or one of several values.
OutputOptions = Mapping[str, bool | str]


@dataclass(frozen=True)
class Option:
    """One option by which the user asks for an output, or says how it is made.

    Attributes:
        name: on the command line, ``report`` for ``--report``.
        help: one sentence for the user.
        choices: values to choose from; without any it is a switch.
        sets: which of the output's options it sets; empty where it only asks for the output.
    """

    name: str
    help: str
    choices: tuple[str, ...] = ()
    sets: str = ""


#: Of outputs that can say who the patient is.
IDENTIFY = Option("identify", "Say in the report, or in FHIR, who the patient is.", sets="identify")


class Output(Protocol):
    """Files beside a mask. A class names itself and writes; the rest has answers that fit most outputs.

    Attributes:
        key: name in the JSON and in Python, such as ``report``.
        option: by which the user asks for it.
        modifiers: options that say how it is made.
        defaults: its options, with the values that they have where the user says nothing.
        endings: of its files' names, after the case's: ``_report.html``.
        depends_on: ``mask`` where the indices do not show in it, so that it stays if these are taken anew.
        needs_image: whether it is made of the image, too, so that a mask alone cannot have it.
    """

    key: ClassVar[str]
    option: ClassVar[Option]
    modifiers: ClassVar[tuple[Option, ...]] = ()
    defaults: ClassVar[OutputOptions] = {}
    endings: ClassVar[tuple[str, ...]] = ()
    depends_on: ClassVar[Literal["mask", "indices"]] = "indices"
    needs_image: ClassVar[bool] = False

    @abstractmethod
    def write(self, result: Result, paths: OutputPaths, options: OutputOptions) -> None:
        """Write the files, each whole or not at all. Libraries that only this needs are loaded here.

        Args:
            result: what is written about.
            paths: where, by the names of the case.
            options: its own, all of them.

        Raises:
            OutputError: something cannot be written.
        """

    def resolved(self, options: OutputOptions) -> OutputOptions:
        """Complete options once for a whole run, by what is set outside of it. Raises as ``write``."""
        return options

    def possible(self, options: OutputOptions, *, is_dicom: bool) -> tuple[OutputOptions | None, Note | None]:
        """Fit the options to the kind of input; ``None`` where there is no such output of it.

        Args:
            options: as asked for.
            is_dicom: whether the input is a DICOM study.

        Returns:
            The options that can be had, and a note on what cannot.
        """
        del is_dicom
        return options, None

    def prepare(self, study: Study, options: OutputOptions) -> Note | None:
        """Make ready what ``write`` takes of the study; a note where the output cannot be had of it."""
        del study, options
        return None

    def satisfies(self, earlier: OutputOptions, options: OutputOptions) -> bool:
        """Tell whether files that were made by earlier options are what these options ask for."""
        return earlier == options

    def stays(self, options: OutputOptions, earlier: Record, indices: IndexSettings) -> bool:
        """Tell whether files that an earlier run wrote still hold where the indices are taken anew.

        Args:
            options: by which the files were made.
            earlier: JSON of that run, whose mask is kept.
            indices: how they are taken now.
        """
        del options
        return self.depends_on == "mask" or earlier.settings.indices == indices

    def reserved(self, paths: OutputPaths) -> tuple[Path, ...]:
        """Name every path that is its own, whatever the study: another's file there is never replaced."""
        return tuple(paths.beside(ending) for ending in self.endings)

    def folder(self, paths: OutputPaths) -> Path | None:
        """Name the folder of its files, where they have one of their own."""
        del paths
        return None

    def paths(self, paths: OutputPaths, record: Record) -> tuple[Path, ...]:
        """Name the files that belong to a case, by its record, which has the output's options."""
        del record
        return self.reserved(paths)

    def is_copy(self, path: Path) -> bool:
        """Tell whether a file holds a mask once more, which a comparison must not take for another one.

        Args:
            path: of any file.
        """
        del path
        return False


def same_phases(earlier: Record, indices: IndexSettings) -> bool:
    """Tell whether end-diastole and end-systole are the frames that they were in an earlier run.

    Args:
        earlier: JSON of that run, whose mask is kept.
        indices: how they are taken now.
    """
    before, found = earlier.settings.indices, earlier.indices
    phases = (
        (indices.end_diastole, before.end_diastole, found.end_diastole_frame),
        (indices.end_systole, before.end_systole, found.end_systole_frame),
    )
    return all(now in (then, frame) if then is None else now == frame for now, then, frame in phases)


def fitting_identity(
    options: OutputOptions, none_told: str, *, is_dicom: bool
) -> tuple[OutputOptions, Note | None]:
    """Leave the patient out where the input is not DICOM, which alone tells who it is.

    Args:
        options: as asked for, ``identify`` among them.
        none_told: how the note begins: ``The report does not show``.
        is_dicom: whether the input is a DICOM study.
    """
    if is_dicom or not options["identify"]:
        return options, None
    from septum.core import Level, Note

    text = f"{none_told} who the patient is: only DICOM input tells that."
    return {**options, "identify": False}, Note("no_identity", text, Level.WARNING)
