"""Refusals to replace what is no result of the same input, or may be somebody's own."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from septum.core.errors import NameTakenError
from septum.core.files import place_of, sha256_of
from septum.io import content_sha256, holds_dicom
from septum.workflows.beside import Names, unknown
from septum.workflows.record import input_hash_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from septum.core import StackKind
    from septum.workflows.record import Record


def check_ours(source: Path, mask: Path, json: Path, wanted: StackKind) -> None:
    """Refuse to replace what is no result of this input: another patient's, or somebody's own files."""
    of = input_hash_in(json)
    if of is None:
        there = " and ".join(path.name for path in (mask, json) if path.exists())
        raise NameTakenError(
            f"{mask}: {there} cannot be told to be a result of Septum, and may be yours: expected a name "
            "that is free; give another -o folder, or --overwrite."
        )
    if of != content_sha256(source, wanted=wanted):
        which = f"another file of the same name as {source}, or of that one before it changed"
        if holds_dicom(source):
            which = (
                f"other images than are taken from {source} now: of another study of that name, of a stack "
                "for another model, or of the study before it changed"
            )
        raise NameTakenError(
            f"{json} is the result of {which}: expected a name that is free; give another -o "
            "folder, or --overwrite."
        )


def check_no_input(mask: Path, inputs: Collection[Path]) -> None:
    """Refuse, whatever is asked for, to write a result in the place of an image of the same run.

    Args:
        mask: path of the mask, which tells those of all results of a case but the meshes.
        inputs: places of all images.
    """
    names = Names(mask)
    for path in (mask, names.record, names.report, names.segmentation, names.measurements):
        if place_of(path.parent) / path.name in inputs:
            raise NameTakenError(
                f"{path} is an input, and would be replaced by the result of {names.stem}: expected a "
                "name that is free; give another -o folder."
            )


def check_untouched(mask: Path, json: Path, earlier: Record) -> None:
    """Refuse to replace a mask that is not the one that its JSON describes."""
    if earlier.mask_sha256 and mask.is_file() and sha256_of(mask) != earlier.mask_sha256:
        raise NameTakenError(
            f"{mask} was changed after {json.name} was written, as by hand: it is not replaced, and what is "
            "asked for cannot be made of it; give it another name, or --overwrite."
        )


def check_known(kinds: Collection[str], mask: Path, earlier: Record | None) -> None:
    """Refuse to replace a file beside a mask, of these kinds, that no earlier run wrote."""
    own = unknown(kinds, mask, earlier)
    if own is not None:
        raise NameTakenError(
            f"{own} cannot be told to be a result of Septum, and may be yours: expected a name that is free "
            "for what is asked for; give another -o folder, or --overwrite."
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
            f"{path} cannot be told to be a table of Septum's {of}, and may be yours: expected a name that "
            "is free; give another one, or --overwrite."
        )
