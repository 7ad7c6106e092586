"""What ``septum study`` does, behind its options."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from septum.core import RecipeError
from septum.inference import load_model
from septum.training.device import choose_device
from septum.training.loop import Deadline
from septum_study import miniature, plan_report, running
from septum_study.bench import Bench, commit, septum_version
from septum_study.committed import results_folder
from septum_study.declaration import load_study
from septum_study.estimate import case_numbers
from septum_study.estimate import estimate as estimate_of
from septum_study.ledger import Unit
from septum_study.pictures.agreement_plot import FORMATS, save_figure
from septum_study.plan import standings
from septum_study.products import draw_case, write_masks
from septum_study.robustness import report as robustness_report
from septum_study.robustness.curves import load_robustness
from septum_study.robustness.perturbations import PERTURBATIONS
from septum_study.robustness.running import Asked, measure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from septum.inference import ModelKeywords
    from septum_study.declaration import Declaration
    from septum_study.running import UnitOutcome

PARTS = ("localiser", "segmenter", "transfer")
DATA_VARIABLE = "SEPTUM_DATA"


def run(
    units: Sequence[str],
    *,
    take_all: bool,
    time_budget: float | None,
    max_epochs: Sequence[str],
    **options: Any,
) -> UnitOutcome:
    """Run the units named, or all, or the next one; ``options`` are those of :func:`make_bench`.

    With a time budget in s, the next one is followed by others while time lasts.
    """
    deadline = Deadline() if time_budget is None else Deadline(time.monotonic() + time_budget)
    bench = make_bench(**options, max_epochs=parse_caps(max_epochs))
    if units:
        return running.run_units(bench, [parse_unit(bench.study, text) for text in units], deadline)
    one = not take_all and time_budget is None
    return running.run_next(bench, deadline, limit=1 if one else None)


def run_parallel(*, take_all: bool, count: int, **options: Any) -> int:
    """The same in several processes side by side; the largest exit code."""
    given = {
        "--study": options["name"], "--results": options["results"], "--data": options["data"],
        "--work": options["work"], "--device": options["device"], "--threads": options["threads"],
        "--time-budget": options["time_budget"],
    }  # fmt: skip
    arguments = ["study", "run", "--all" if take_all else "--next"]
    arguments += [part for key, value in given.items() if value is not None for part in (key, str(value))]
    arguments += [part for text in options["max_epochs"] for part in ("--max-epochs", text)]
    if options["data"] is None and load_study(options["name"]).data == "phantom":
        miniature.data_below(_work_folder(options["name"], options["work"]))  # once, before all need it
    return running.run_parallel(arguments, count, lambda number: f"[{number}] ")


def robustness(model: str, asked: Mapping[str, Any], *, picture: Path | None, options: ModelKeywords) -> str:
    """Measure what is left of a bundle's robustness; the table of worst levels, and where the results lie.

    ``asked`` is of :class:`Asked`, without who asks; ``options`` say how the model runs.
    """
    if unknown := [name for name in asked["perturbations"] if name not in PERTURBATIONS]:
        raise RecipeError(f"no perturbation {unknown[0]!r}; there is {', '.join(PERTURBATIONS)}.")
    if picture is not None and picture.suffix not in FORMATS:
        raise RecipeError(f"--picture {picture}: expected a name that ends with {' or '.join(FORMATS)}.")
    made_by = f"septum {septum_version()}, {commit()}"
    path = measure(load_model(model, **options), Asked(**asked, made_by=made_by))
    found = load_robustness(path.parent, path.stem)
    if found is None:
        raise RecipeError(f"{path}: expected results, but the file is empty; measure again.")
    if picture is not None:
        save_figure(robustness_report.figure(found), picture.with_suffix(""), [picture.suffix])
    return f"{robustness_report.worst_levels(found).markdown()}\n{path}"


def predict(unit: str, *, output: Path, **options: Any) -> list[Path]:
    """Masks of a unit's test cases; the files written."""
    bench = make_bench(**options)
    return write_masks(bench, parse_unit(bench.study, unit), output)


def pictures(case: str, *, fold: int, rows: Sequence[str], output: Path, **options: Any) -> list[Path]:
    """Overlay and mesh of a case by method; the files written."""
    return draw_case(make_bench(**options), case, fold, rows, output)


def plan(name: str, results: Path | None, device: str | None, *, estimate: bool) -> dict[str, Any]:
    """What is done, running and left, and with ``estimate`` how long that takes on the device at most."""
    study = load_study(name)
    folder = results_folder(study, results)
    found = standings(study, folder)
    if not estimate:
        return plan_report.plan_document(study, found, folder)
    cases = case_numbers(study, miniature.PATIENTS if study.data == "phantom" else None)
    left = estimate_of(study, found, cases, choose_device(device))
    return plan_report.plan_document(study, found, folder, left)


def plan_text(document: Mapping[str, Any]) -> str:
    """The same for the terminal."""
    return plan_report.plan_text(document)


def make_bench(
    name: str,
    results: Path | None,
    data: Path | None,
    work: Path | None,
    device: str | None,
    threads: int | None,
    max_epochs: Mapping[str, int] | None = None,
) -> Bench:
    """The study with its folders, each at its default where none is given.

    Raises:
        RecipeError: there is no such study, no data, or no such device.
    """
    study = load_study(name)
    if threads is not None:
        torch.set_num_threads(threads)
    work = _work_folder(study.name, work)
    if data is not None and not data.is_dir():
        raise RecipeError(f"--data {data}: expected a folder, but there is none of this name.")
    if data is None:
        data = miniature.data_below(work) if study.data == "phantom" else _data_folder()
    return Bench(study, data, results_folder(study, results), work, choose_device(device), max_epochs or {})


def _data_folder() -> Path:
    named = os.environ.get(DATA_VARIABLE)
    if not named:
        raise RecipeError(
            "--data: expected the folder that holds acdc/training and lasc/training; give it, or set "
            f"{DATA_VARIABLE}."
        )
    return Path(named)


def _work_folder(name: str, work: Path | None) -> Path:
    return work or Path("runs") / "study" / Path(name).stem


def parse_unit(study: Declaration, text: str) -> Unit:
    """``ROW:FOLD`` to a unit of the study.

    Raises:
        RecipeError: it is none.
    """
    row, _, fold = text.partition(":")
    return Unit(study.row(row).key, study.parse_fold(fold, f"{text!r}: expected ROW:FOLD with"))


def parse_caps(texts: Sequence[str]) -> dict[str, int]:
    """``N`` for every part, ``PART=N`` for one, to the most epochs of each.

    Raises:
        RecipeError: a text is neither.
    """
    caps: dict[str, int] = {}
    for text in texts:
        found = re.fullmatch(rf"(?:({'|'.join(PARTS)})=)?([1-9]\d*)", text)
        if found is None:
            raise RecipeError(
                f"--max-epochs {text!r}: expected N or PART=N, N at least 1, PART one of "
                f"{', '.join(PARTS)}; say it again for another part."
            )
        caps |= dict.fromkeys([found[1]] if found[1] else PARTS, int(found[2]))
    return caps


def outcome_lines(outcome: UnitOutcome) -> list[str]:
    """What a run has done, one line a unit."""
    lines = [
        f"{e.row}:{e.fold} {'preliminary' if e.preliminary else 'done'}: "
        f"{sum(p.epochs for p in e.parts)} epochs, {e.training_seconds / 60:.1f} min"
        for e in outcome.finished
    ]
    if outcome.interrupted is not None:
        lines.append(f"{outcome.interrupted} time budget used up; the same command goes on.")
    lines += [f"{unit} failed: {said}" for unit, said in outcome.failed]
    lines += [f"{unit} is being run by another process." for unit in outcome.busy]
    return lines or ["nothing is left to run."]
