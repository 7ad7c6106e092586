"""``septum info``."""

from __future__ import annotations

from typing import Any

import click

from septum.cli.output import say, say_json


@click.command()
@click.argument("target", metavar="MODEL|FILE|STUDY")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for machines.")
def info(target: str, as_json: bool) -> int:
    """Say what a model bundle, an image file or a folder of DICOM files holds.

    Of a DICOM study: its stacks, and which of them would be taken.

    Nothing is told that names a patient.
    """
    from septum.workflows.info import describe

    facts = describe(target)
    if as_json:
        say_json(facts)
    else:
        say("\n".join(_lines(facts)))
    return 0


def _lines(facts: dict[str, Any]) -> list[str]:
    """One line a fact; what is nested is indented."""
    width = max(len(name) for name in facts) + 2
    lines = []
    for name, value in facts.items():
        label = name.replace("_", " ")
        if isinstance(value, dict) and name != "taken_as":
            lines.append(label)
            lines += [f"  {key.replace('_', ' ')}: {_text(item)}" for key, item in value.items()]
        elif name == "stacks":
            lines += [label, *(f"  {_stack(stack)}" for stack in value)]
        elif name == "taken_as":
            lines += [f"taken as {wanted}: {_taken(choice)}" for wanted, choice in value.items()]
        elif isinstance(value, list):
            lines += [f"{label:<{width}}{item}" for item in value]
        else:
            lines.append(f"{label:<{width}}{_text(value)}")
    return lines


def _stack(stack: dict[str, Any]) -> str:
    """A stack of a DICOM study in one line, and its notes."""
    series = "/".join(map(str, stack["series"])) or "-"
    said = "".join(f"\n      {note}" for note in stack["notes"])
    return (
        f"{stack['stack']:>3}  {stack['kind']}, {stack['orientation']}: {stack['slices']} slices x "
        f"{stack['phases']} phases of {_text(stack['shape_yx'])} pixels, {_text(stack['spacing_mm_zyx'])} "
        f"mm, series {series}{said}"
    )


def _taken(choice: dict[str, Any]) -> str:
    return "none" if choice["stack"] is None else f"stack {choice['stack']}. {choice['why']}"


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple):
        return " x ".join(_text(item) for item in value)
    return str(value)
