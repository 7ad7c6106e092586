"""``septum info``."""

from __future__ import annotations

from typing import Any

import click

from septum.cli.output import say, say_json


@click.command(short_help="Say what a model, an image file or a DICOM study holds.")
@click.argument("target", metavar="MODEL|FILE|STUDY")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for machines.")
def info(target: str, as_json: bool) -> int:
    """Say what a model bundle, an image file or a DICOM study holds.

    Of a DICOM study: its stacks, which of them would be taken and why, and what was passed over.

    Nothing that names a patient is shown.
    """
    from septum.core import InputError
    from septum.workflows.info import describe

    facts = describe(target)
    if as_json:
        say_json(facts)
    elif "stacks" in facts:
        from septum.cli.dicom_listing import say_study

        say_study(facts)
    else:
        say("\n".join(_lines(facts)))
    if facts.get("unusable"):
        raise InputError(facts["unusable"])
    return 0


def _lines(facts: dict[str, Any]) -> list[str]:
    """One line a fact; what is nested is indented."""
    width = max(len(name) for name in facts) + 2
    lines = []
    for name, value in facts.items():
        label = name.replace("_", " ")
        if isinstance(value, dict):
            lines.append(label)
            lines += [f"  {key.replace('_', ' ')}: {_text(item)}" for key, item in value.items()]
        elif isinstance(value, list):
            lines += [f"{label:<{width}}{item}" for item in value]
        else:
            lines.append(f"{label:<{width}}{_text(value)}")
    return lines


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple):
        return " x ".join(_text(item) for item in value)
    return str(value)
