"""Kinds of values on the command line, and options that several commands share."""

from __future__ import annotations

import math
import re
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, cast

import click

from septum.interpretation.names import ETHNICITIES, REFERENCES, SEXES

if TYPE_CHECKING:
    from collections.abc import Callable

    from septum.core import Sex
    from septum.inference.execution import Device, EngineName, ModelKeywords, Precision
    from septum.interpretation.names import Ethnicity, ReferenceName

    Command = TypeVar("Command", bound=Callable[..., Any])

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def parse_spacing(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> tuple[float, float, float] | None:
    """Parse text such as ``8,1.4,1.4`` into (Z, Y, X) in mm.

    Args:
        _ctx: of the command, unused.
        _param: the option, unused.
        value: text of the option, if given.
    """
    if value is None:
        return None
    try:
        z, y, x = (float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"expected three numbers in mm as in 8,1.4,1.4, got {value!r}.") from None
    if not all(math.isfinite(v) and v > 0 for v in (z, y, x)):
        raise click.BadParameter(f"expected three positive numbers in mm, got {value!r}.")
    return (z, y, x)


def parse_duration(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """Parse text such as ``90s``, ``50m`` or ``2h`` into seconds; a number without its unit is refused.

    Args:
        _ctx: of the command, unused.
        _param: the option, unused.
        value: text of the option, if given.
    """
    if value is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh])", value.strip())
    if found is None or float(found[1]) == 0:
        raise click.BadParameter(f"expected a time with its unit, as in 90s, 50m or 2h, got {value!r}.")
    return float(found[1]) * _SECONDS[found[2]]


class Within(click.FloatRange):
    """A number between two limits, of a unit that a refusal names: a height in cm is no height in m.

    Args:
        low, high: limits, both allowed.
        unit: in which it is.
        example: a usual one.
    """

    def __init__(self, low: float, high: float, unit: str, example: str) -> None:
        super().__init__(low, high)
        self._said = f"{low:g} to {high:g} {unit}, as in {example}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse a number within the limits, or raise :class:`click.BadParameter`.

        Args:
            value: text, or a number that is converted already.
            param: the option, for messages.
            ctx: of the command, for messages.
        """
        try:
            number = super().convert(value, param, ctx)
        except click.BadParameter:
            number = math.nan
        if math.isnan(number):  # which click finds within any limits
            self.fail(f"expected {self._said}, got {value}.", param, ctx)
        return number


#: Which model runs, and how, in the order of the help from its end.
_MODEL_OPTIONS = (
    click.option(
        "--flips",
        is_flag=True,
        help="Average over four mirror images: a little more accurate, two to three times as slow.",
    ),
    click.option(
        "--threads", type=click.IntRange(min=1), help="CPU threads; by default the engine's choice."
    ),
    click.option(
        "--precision",
        type=click.Choice(["f32", "bf16"]),
        default="f32",
        show_default=True,
        help="bf16 makes the networks quicker where the processor multiplies in it.",
    ),
    click.option(
        "--device",
        type=click.Choice(["cpu", "cuda"]),
        default="cpu",
        show_default=True,
        help="Where the networks run; cuda needs septum[cuda].",
    ),
    click.option(
        "--engine",
        type=click.Choice(["openvino", "onnxruntime"]),
        help="What computes the networks; by default openvino, or onnxruntime on a GPU.",
    ),
    click.option(
        "--model",
        default="cine",
        metavar="NAME|FOLDER",
        show_default=True,
        help="A shipped model, or a bundle's folder.",
    ),
)


def model_options(command: Command) -> Command:
    """Add the options that say which model runs, and how.

    The command gets the model as ``model``, and how it runs as ``options``: the arguments of
    :class:`~septum.inference.ModelOptions`, which only a command that needs a model loads.
    """

    @wraps(command)
    def with_options(
        *arguments: Any,
        engine: EngineName | None,
        device: Device,
        precision: Precision,
        threads: int | None,
        flips: bool,
        **others: Any,
    ) -> Any:
        options: ModelKeywords = {
            "engine": engine, "device": device, "precision": precision, "threads": threads, "flips": flips,
        }  # fmt: skip
        return command(*arguments, options=options, **others)

    wrapped = cast("Command", with_options)
    for option in _MODEL_OPTIONS:
        wrapped = option(wrapped)
    return wrapped


class IndexValues(TypedDict):
    """What the user gives for the indices: the fields of ``IndexSettings``."""

    end_diastole: int | None
    end_systole: int | None
    heart_rate_bpm: float | None
    height_m: float | None
    weight_kg: float | None
    body_surface_area: Literal["du-bois", "mosteller"]
    reference: ReferenceName | None
    sex: Sex | None
    age_years: float | None
    ethnicity: Ethnicity | None
    pattern: bool


def index_options(command: Command) -> Command:
    """Add the options that say how clinical indices are taken; the command gets them as ``indices``."""

    @wraps(command)
    def with_indices(*arguments: Any, **values: Any) -> Any:
        indices = cast("IndexValues", {name: values.pop(name) for name in IndexValues.__annotations__})
        frame = indices["end_diastole"]
        if frame is not None and frame == indices["end_systole"]:
            raise click.UsageError(f"--ed and --es: expected two frames, got {frame} for both.")
        return command(*arguments, indices=indices, **values)

    wrapped = cast("Command", with_indices)
    for option in reversed(_index_options()):
        wrapped = option(wrapped)
    return wrapped


def subjects_option(command: Command) -> Command:
    """Add the option of a table of subjects, which goes to the command as ``subjects``."""
    return click.option(
        "--subjects", metavar="FILE", type=click.Path(path_type=Path),
        help="CSV with a row a study: name, sex, age, height, weight, heart_rate, ethnicity.",
    )(command)  # fmt: skip


def _index_options() -> list[Callable[[Command], Command]]:
    """List the options, with the same limits as those within which the indices believe a study."""
    metres, kilograms = Within(0.3, 2.6, "m", "1.76"), Within(1, 400, "kg", "71.5")
    beats, years = Within(20, 250, "beats a minute", "66"), Within(0, 120, "years", "54")
    frame = click.IntRange(min=0)
    return [
        click.option("--ed", "end_diastole", type=frame, metavar="FRAME", help="End-diastole, from 0."),
        click.option("--es", "end_systole", type=frame, metavar="FRAME", help="End-systole, from 0."),
        click.option("--heart-rate", "heart_rate_bpm", type=beats, metavar="BPM", help="Beats a minute."),
        click.option("--height", "height_m", type=metres, metavar="M", help="Of the body, in m."),
        click.option("--weight", "weight_kg", type=kilograms, metavar="KG", help="Of the body, in kg."),
        click.option(
            "--bsa", "body_surface_area", type=click.Choice(["du-bois", "mosteller"]), default="du-bois",
            show_default=True, help="Formula of body surface area.",
        ),
        click.option(
            "--reference", type=click.Choice(REFERENCES),
            help="Compare with these ranges; shows the patient's sex and age group, also the file's.",
        ),
        click.option(
            "--sex", type=click.Choice(SEXES, case_sensitive=False),
            help="Of the patient; compares with hhc2024 where --reference names no other.",
        ),
        click.option("--age", "age_years", type=years, metavar="YEARS", help="Of the patient; the same."),
        click.option(
            "--ethnicity", type=click.Choice(ETHNICITIES),
            help="Of the patient, for tables that part people by it; the same.",
        ),
        click.option(
            "--pattern", is_flag=True,
            help="Say which groups of ACDC the numbers are most like: no diagnosis.",
        ),
    ]  # fmt: skip


def output_options(command: Command) -> Command:
    """Add the options of all outputs beside a mask; the command gets what is asked for as ``outputs``."""
    from septum.workflows.outputs import OUTPUTS, requested

    every = [output.option for output in OUTPUTS.values()]
    for one in (one for output in OUTPUTS.values() for one in output.modifiers):
        if one.name not in (known.name for known in every):  # several outputs may share one
            every.append(one)

    @wraps(command)
    def with_outputs(*arguments: Any, **values: Any) -> Any:
        given = {one.name: values.pop(one.name.replace("-", "_")) for one in every}
        asked: dict[str, dict[str, bool | str]] = {}
        for key, output in OUTPUTS.items():
            value = given[output.option.name]
            if value:
                options = {one.sets: given[one.name] for one in output.modifiers if given[one.name]}
                asked[key] = {**options, output.option.sets: value} if output.option.sets else options
        for name in (name for name, changed in given.items() if changed):
            owners = [o for o in OUTPUTS.values() if any(one.name == name for one in o.modifiers)]
            if owners and not any(given[owner.option.name] for owner in owners):
                known = " or ".join(f"--{owner.option.name}" for owner in owners)
                raise click.UsageError(f"--{name} goes with {known}: give that, too, or leave it out.")
        return command(*arguments, outputs=requested(asked), **values)

    wrapped = cast("Command", with_outputs)
    for one in reversed(every):
        if one.choices:
            wrapped = click.option(f"--{one.name}", type=click.Choice(one.choices), help=one.help)(wrapped)
        else:
            wrapped = click.option(f"--{one.name}", is_flag=True, help=one.help)(wrapped)
    return wrapped
