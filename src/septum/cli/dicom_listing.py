"""What a DICOM study holds, for people: files, stacks, and which stack would be taken and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from septum.cli.output import say, say_table

if TYPE_CHECKING:
    from rich.table import Table

#: What it means that files are passed over, by the reason that ``ScannedFolder.passed_over`` has.
_PASSED_OVER = {
    "of another modality": "of another modality than MR",
    "without an image": "without an image, as reports and protocols are",
    "screenshots or colours": "a screenshot or in colours, not a grey image",
    "without a position in the patient": "without position, orientation or pixel spacing",
    "cut short": "cut short: the file ends before its pixels do",
    "damaged": "damaged: the header cannot be read, or says what cannot be",
}
_NOT_DICOM = "not DICOM, or an index of a medium (DICOMDIR)"
#: Who takes which stack, and what there must be for it.
_USES = {
    "cine": (
        "Cine (septum segment; septum convert)",
        "no stack is short axis, of magnitude images, with one or more phases of the beat",
    ),
    "late-gadolinium": (
        "Late gadolinium (septum segment --model la; septum convert --kind late-gadolinium)",
        "no stack has three or more slices at one phase after an inversion",
    ),
}
_COLUMNS = ("stack", "orientation", "kind", "slices", "phases", "pixels (Y x X)", "voxel in mm (Z x Y x X)")


def say_study(facts: dict[str, Any]) -> None:
    """Print what ``workflows.info.describe_dicom`` tells."""
    stacks, taken = facts["stacks"], facts["taken_as"]
    say("\n".join(_files(facts)))
    if not stacks:
        return
    say("")
    say_table(_table(stacks, {choice["stack"]: wanted for wanted, choice in taken.items()}))
    for wanted, choice in taken.items():
        use, needed = _USES[wanted]
        lines = _taken(choice) if choice["stack"] else [_none(choice, stacks, wanted, needed)]
        say("\n".join(["", f"{use}:", *(f"  {line}" for line in lines)]))
    notes = [*facts["notes"], *(f"Stack {s['stack']}: {note}" for s in stacks for note in s["notes"])]
    if notes:
        say("\n".join(["", "Notes:", *(f"  {note}" for note in notes)]))


def _files(facts: dict[str, Any]) -> list[str]:
    """How many files there are of what kind."""
    rows = [(facts["images"], "used: MR images with a place in the patient")]
    rows += [
        (count, f"passed over: {_PASSED_OVER.get(why, why)}") for why, count in facts["passed_over"].items()
    ]
    rows += [(facts["not_dicom"], f"passed over: {_NOT_DICOM}")] * (facts["not_dicom"] > 0)
    width = max(len(str(count)) for count, _ in rows)
    total = facts["files"] + facts["not_dicom"]
    return [
        f"DICOM study: {total} file{'s' * (total != 1)}",
        *(f"  {n:>{width}}  {what}" for n, what in rows),
    ]


def _table(stacks: list[dict[str, Any]], taken: dict[int | None, str]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in (*_COLUMNS, "series", "use"):
        table.add_column(name)
    for stack in stacks:
        table.add_row(
            str(stack["stack"]), stack["orientation"], stack["kind"], str(stack["slices"]),
            str(stack["phases"]), _times(stack["shape_yx"]), _times(stack["spacing_mm_zyx"]),
            ", ".join(map(str, stack["series"])) or "-", _use(stack, taken),
        )  # fmt: skip
    return table


def _use(stack: dict[str, Any], taken: dict[int | None, str]) -> str:
    """Taken, could be taken, or why not as a cine."""
    if stack["stack"] in taken:
        return f"taken as {taken[stack['stack']].replace('-', ' ')}"
    able = [wanted.replace("-", " ") for wanted, why in stack["unfit_as"].items() if why is None]
    return f"could serve as {' or '.join(able)}" if able else f"no: {stack['unfit_as']['cine']}"


def _taken(choice: dict[str, Any]) -> list[str]:
    lines = [f"stack {choice['stack']}. {choice['why']}", *choice["notes"]]
    return lines if choice["refused"] is None else [*lines, f"It would be refused: {choice['refused']}"]


def _none(choice: dict[str, Any], stacks: list[dict[str, Any]], wanted: str, needed: str) -> str:
    """Nothing fits; or several do, and cannot be told apart."""
    fits = any(stack["unfit_as"][wanted] is None for stack in stacks)
    return f"none: {choice['why'] if fits else f'{needed}.'}"


def _times(values: tuple[float, ...]) -> str:
    return " x ".join(f"{value:.4g}" for value in values)
