"""Refusals to replace what is no result of the same input, or may be somebody's own."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from septum.core.errors import NameTakenError, Remedy
from septum.core.files import place_of, sha256_of
from septum.io.names import masks_called
from septum.workflows.outputs import OUTPUTS
from septum.workflows.record import input_hash_in
from septum.workflows.resume import masks_in_other_formats

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import Path

    from septum.workflows.output_paths import OutputPaths
    from septum.workflows.record import Record


def check_same_input(
    paths: OutputPaths, source: str, sha256: Callable[[], str], *, is_dicom: bool, unasked: bool = True
) -> None:
    """Refuse to replace what is no result of this input: another patient's, or somebody's own files.

    Args:
        paths: of the case.
        source: of the image, for the sentence.
        sha256: gives the input's hash; it is only called where there is one to compare with.
        is_dicom: whether the input is a DICOM study.
        unasked: whether it would be replaced if overwriting were allowed.
    """
    of = input_hash_in(paths.record)
    advice = "choose another folder for results" + (", or allow overwriting." if unasked else ".")
    if of is None:
        there = " and ".join(path.name for path in (paths.mask, paths.record) if path.exists())
        raise NameTakenError(
            f"{paths.mask}: {there} is not recognised as a result of Septum, and may be yours: expected a "
            f"name that is free; {advice}",
            remedy=Remedy.OVERWRITE if unasked else None,
        )
    if of != sha256():
        which = f"another file of the same name as {source}, or of that one before it changed"
        if is_dicom:
            which = (
                f"other images than are taken from {source} now: of another study of that name, of a stack "
                "for another model, or of the study before it changed"
            )
        raise NameTakenError(
            f"{paths.record} is the result of {which}: expected a name that is free; {advice}",
            remedy=Remedy.OVERWRITE if unasked else None,
        )


def check_measured(paths: OutputPaths, source: str, sha256: str) -> None:
    """Refuse to replace a JSON that is none of Septum, of another input, or of another mask of that name.

    Args:
        paths: of the mask that is measured, which need not lie in the folder of its results.
        source: of the mask, for the sentence.
        sha256: hash of the input that the mask is of.
    """
    masks = masks_called(paths.folder, paths.stem)
    other = next((one for one in masks if one.exists() and not one.samefile(paths.mask)), None)
    if other is not None:
        raise NameTakenError(
            f"{other} is another mask than {source}, and {paths.record.name} would no longer be of it: "
            "expected a name that is free; choose another folder for results, or allow overwriting.",
            remedy=Remedy.OVERWRITE,
        )
    if not paths.record.exists():
        return
    of = input_hash_in(paths.record)
    if of is None:
        raise NameTakenError(
            f"{paths.record} is not recognised as a result of Septum, and may be yours: expected a name that "
            "is free; choose another folder for results, or allow overwriting.",
            remedy=Remedy.OVERWRITE,
        )
    if of != sha256:
        raise NameTakenError(
            f"{paths.record} is the result of another image than that of {source}: expected the image that "
            "it was made of; give that one, choose another folder for results, or allow overwriting.",
            remedy=Remedy.OVERWRITE,
        )


def check_no_input(paths: OutputPaths, inputs: Collection[Path]) -> None:
    """Refuse, whatever is asked for, to write a result in the place of an image of the same run.

    Args:
        paths: of the case.
        inputs: places of all images.
    """
    beside = (path for output in OUTPUTS.values() for path in output.reserved(paths))
    for path in (paths.mask, paths.record, *beside):
        if place_of(path.parent) / path.name in inputs:
            raise NameTakenError(
                f"{path} is an input, and would be replaced by the result of {paths.stem}: expected a "
                "name that is free; choose another folder for results."
            )


def check_untouched(paths: OutputPaths, earlier: Record) -> None:
    """Refuse to replace a mask that is not the one that its JSON describes."""
    mask = paths.mask
    if earlier.mask_sha256 and mask.is_file() and sha256_of(mask) != earlier.mask_sha256:
        raise NameTakenError(
            f"{mask} was changed after {paths.record.name} was written, as by hand: expected the mask that "
            "this JSON describes; measure the mask to get its own numbers and outputs, or allow overwriting, "
            "which loses the change.",
            remedy=Remedy.MEASURE,
        )


def check_not_corrected(paths: OutputPaths, earlier: Record, reason: str) -> None:
    """Refuse to make a mask again that somebody has corrected and taken up.

    Args:
        paths: places of the study's files.
        earlier: JSON of the earlier run.
        reason: why the mask would be made again; empty if it would not be.
    """
    if not reason or earlier.mask_origin == "model":
        return
    for mask in (paths.mask, *masks_in_other_formats(paths, earlier)):
        if mask.is_file():
            raise NameTakenError(
                f"{mask} is not as a model made it, and {paths.record.name} says so; {reason}: expected "
                "a name that is free; choose another folder for results, or allow overwriting.",
                remedy=Remedy.OVERWRITE,
            )


def check_known(keys: Collection[str], paths: OutputPaths, earlier: Record | None) -> None:
    """Refuse to replace a file of one of these outputs that no earlier run wrote.

    Args:
        keys: of the outputs to write.
        paths: places of the study's files.
        earlier: JSON of the earlier run, if there is one.
    """
    known = {} if earlier is None else earlier.outputs
    for key in keys:
        own = [] if key in known else [path for path in OUTPUTS[key].reserved(paths) if path.exists()]
        if own:
            raise NameTakenError(
                f"{own[0]} is not recognised as a result of Septum, and may be yours: expected a name that "
                "is free for what is asked for; choose another folder for results, or allow overwriting.",
                remedy=Remedy.OVERWRITE,
            )


def check_own_table(path: Path, columns: Iterable[str], *, of: str) -> None:
    """Refuse to replace a file that does not begin with these columns, as a table of Septum does.

    Args:
        path: the file.
        columns: the first ones of such a table.
        of: what it has in its rows, for the sentence.
    """
    header = ",".join(columns)
    if not path.exists():
        return
    begins = b"?"
    if path.is_file():  # a pipe would keep us waiting
        with suppress(OSError), path.open("rb") as stream:
            begins = stream.read(len(header) + 1)
    if begins and begins.rstrip(b",\n\r") != header.encode():
        raise NameTakenError(
            f"{path} is not recognised as a table of Septum's {of}, and may be yours: expected a name that "
            "is free; give another one, or allow overwriting.",
            remedy=Remedy.OVERWRITE,
        )
