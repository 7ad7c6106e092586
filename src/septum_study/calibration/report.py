"""The tables of the page on quality, from the committed cases."""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from septum.core import Verdict
from septum.metrics.bootstrap import mean_interval
from septum.metrics.table import Column, Section, Table
from septum.quality.measures import stroke_volume_mismatch
from septum.quality.rules import MOST_STROKE_MISMATCH, RULES, USUAL_MISMATCH, WIDEST_EF_INTERVAL
from septum_study.calibration.evaluation import exact_interval
from septum_study.calibration.fit import MOST_EF_ERROR, VENTRICLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from septum.quality.calibration import Calibration
    from septum_study.calibration.evaluation import VerdictOutcome
    from septum_study.robustness.perturbations import Perturbation

BOOTSTRAP_SEED = 0


def verdict_table(
    outcomes: Sequence[VerdictOutcome], model: str, by_model: Sequence[VerdictOutcome]
) -> Table:
    """How many bad and good cases are stopped, and how far estimate and interval are right.

    Args:
        outcomes: of all cases.
        model: name of the shipped model.
        by_model: the cases that it made.
    """
    columns, cells = [Column("What")], [[what] for what, *_ in _verdict_lines(outcomes)]
    for some, whose in ((by_model, f"`{model}`"), (outcomes, "all models")):
        columns += [Column(f"{whose} ({len(some)} patients)"), Column("95 % interval")]
        for line, (_, found, interval) in zip(cells, _verdict_lines(some), strict=True):
            line += [found, interval]
    parts = len({one.case.group for one in outcomes})
    told = (
        f"All models: {parts} groups of patients, {sum(one.case.bad for one in outcomes)} of them bad; each "
        "case by limits and an estimate that were fitted without its group, and by intervals of its own "
        "model that were fitted without the case."
    )
    how = (
        "Intervals of shares are exact (Clopper and Pearson), that of the error is by the bootstrap over "
        "patients, and that of widths is their range."
    )
    lines = tuple(map(tuple, cells))
    return Table("The verdict on unseen patients", tuple(columns), (Section("", lines),), (told, how))


def _verdict_lines(outcomes: Sequence[VerdictOutcome]) -> list[tuple[str, str, str]]:
    """What is said of some cases: words, what was found, and its interval."""
    bad = [one for one in outcomes if one.case.bad]
    good = [one for one in outcomes if not one.case.bad]
    errors = [abs(one.estimated_dice - one.case.mean_dice) for one in outcomes]
    constant = statistics.fmean(one.case.mean_dice for one in outcomes)
    always = statistics.fmean(abs(one.case.mean_dice - constant) for one in outcomes)
    return [
        ("Bad cases that are stopped", *_share(bad, lambda one: one.stopped)),
        ("Bad cases that are rejected", *_share(bad, lambda one: one.verdict is Verdict.REJECT)),
        ("Good cases that are stopped", *_share(good, lambda one: one.stopped)),
        ("Good cases that are rejected", *_share(good, lambda one: one.verdict is Verdict.REJECT)),
        ("Estimated Dice, mean absolute error", f"{statistics.fmean(errors):.3f}", _spread(errors, outcomes)),
        ("The same of an estimate that is always the mean", f"{always:.3f}", ""),
        *_interval_lines(outcomes, "LV"),
        *_interval_lines(outcomes, "RV"),
        *_ventricle_lines(outcomes, "LV"),
        *_ventricle_lines(outcomes, "RV"),
        *_mismatch_lines(outcomes),
    ]


def _ventricle_lines(outcomes: Sequence[VerdictOutcome], ventricle: str) -> Iterator[tuple[str, str, str]]:
    """How many are stopped by the verdict on a ventricle, of those whose EF is wrong and of the others."""
    off = f"off by more than {MOST_EF_ERROR:g} points"
    for words, wrong in ((off, True), (f"not {off}", False)):
        some = [one for one in outcomes if one.astray(ventricle) is wrong]
        yield (
            f"{ventricle} EF {words}: the {ventricle} is stopped",
            *_share(some, lambda one: one.stops(ventricle)),
        )


def _mismatch_lines(outcomes: Sequence[VerdictOutcome]) -> Iterator[tuple[str, str, str]]:
    """Whether the ejection fractions are wrong more often where the stroke volumes differ."""
    words = (f"differ by more than {100 * MOST_STROKE_MISMATCH:.0f} %", "do not differ so much")
    for name in VENTRICLES:
        for title, flagged in zip(words, (True, False), strict=True):
            some = [one for one in outcomes if ("stroke_volume_mismatch" in one.flags) is flagged]
            wrong = [one for one in some if one.astray(name)]
            yield (
                f"Stroke volumes {title}: the {name} EF is off by more than {MOST_EF_ERROR:g} points",
                *_share(some, wrong.__contains__),
            )


def _interval_lines(outcomes: Sequence[VerdictOutcome], ventricle: str) -> Iterator[tuple[str, str, str]]:
    widths = [high - low for low, high in (one.intervals.get(ventricle, (0.0, 100.0)) for one in outcomes)]
    yield (
        f"{ventricle} EF intervals, median width (points)",
        f"{statistics.median(widths):.1f}",
        _range(widths),
    )


def parts_table(outcomes: Sequence[VerdictOutcome], models: Mapping[str, tuple[str, str]]) -> Table:
    """What each model made of the patients that it has not seen, and what the verdict made of that.

    Args:
        outcomes: of all cases.
        models: part of the cross-validation and name of the model, by patient.
    """
    grouped: dict[tuple[str, str], list[VerdictOutcome]] = defaultdict(list)
    for one in outcomes:
        grouped[models[one.case.patient]].append(one)
    lines = tuple(
        (
            part,
            model,
            str(len(some)),
            f"{statistics.fmean(one.case.mean_dice for one in some):.3f}",
            *(
                f"{statistics.fmean(abs(one.case.ef_error(name) or 0.0) for one in some):.1f}"
                for name in VENTRICLES
            ),
            str(sum(one.case.bad for one in some)),
            *(str(sum(one.stops(name) for one in some)) for name in VENTRICLES),
        )
        for (part, model), some in sorted(grouped.items())
    )
    heads = (
        "Part",
        "Model",
        "Patients",
        "Mean Dice",
        "LV EF, mean absolute error (points)",
        "RV EF, the same",
        "Bad",
        "LV stopped",
        "RV stopped",
    )
    columns = tuple(map(Column, heads))
    return Table("Unseen patients, by model", columns, (Section("", lines),))


def flag_table(outcomes: Sequence[VerdictOutcome]) -> Table:
    """How often each flag was raised, in bad and in good cases."""
    measured = {key for one in outcomes for key in one.case.measures}
    keys = [*(rule.key for rule in RULES if rule.measure in measured), "low_estimated_dice"]
    keys += sorted({key for one in outcomes for key in one.flags} - set(keys))
    bad, good = ([one for one in outcomes if one.case.bad is kind] for kind in (True, False))
    lines = tuple(
        (f"`{key}`", *(str(sum(key in one.flags for one in some)) for some in (bad, good))) for key in keys
    )
    columns = (Column("Flag"), Column(f"{len(bad)} bad cases"), Column(f"{len(good)} good cases"))
    return Table("Flags on unseen patients", columns, (Section("", lines),))


def reasons_table(
    outcomes: Sequence[VerdictOutcome], model: str, by_model: Sequence[VerdictOutcome]
) -> Table:
    """Why each ventricle is stopped: each flag that does it, and how often it is the only one.

    Args:
        outcomes: of all cases.
        model: name of the shipped model.
        by_model: the cases that it made.
    """
    keys = sorted({key for one in outcomes for name in VENTRICLES for key in one.flags_on(name)})
    columns = [Column("Flag")]
    cells: list[list[str]] = [[f"`{key}`"] for key in keys]
    total = ["any"]
    for some, whose in ((by_model, f"`{model}`"), (outcomes, "all models")):
        for name in VENTRICLES:
            columns.append(Column(f"{name}, {whose} ({len(some)} patients)"))
            raised = [one.flags_on(name) for one in some]
            total.append(str(sum(bool(flags) for flags in raised)))
            for line, key in zip(cells, keys, strict=True):
                alone = sum(flags == {key} for flags in raised)
                line.append(f"{sum(key in flags for flags in raised)} ({alone})")
    notes = (
        "In brackets: patients of whom it is the only flag on that ventricle.",
        "Cases do not hold in which structure pieces, holes and missing slices were: they count for both.",
    )
    lines = tuple(tuple(line) for line in (*cells, total))
    return Table("Why ventricles are stopped", tuple(columns), (Section("", lines),), notes)


def limits_table(calibration: Calibration) -> Table:
    """Limits without a calibration, and those of the shipped one."""
    lines = tuple(
        (
            f"`{rule.key}`",
            f"{'less' if rule.low else 'more'} than",
            "none" if rule.limit is None else f"{rule.limit:.3g}",
            f"{calibration.limits[rule.key]:.3g}" if rule.key in calibration.limits else "the same",
        )
        for rule in RULES
    )
    estimate = ("`low_estimated_dice`", "less than", "none", f"{calibration.reviewed_below:.3g}")
    width = ("`wide_ef_interval`", "more than", "none", f"{WIDEST_EF_INTERVAL:g}")
    columns = (Column("Flag"), Column("Review"), Column("Without calibration"), Column("Model `cine`"))
    rejected = f"An estimated Dice below {calibration.rejected_below:g} is a reject."
    notes = (f"Calibrated on {calibration.cases} patients. {rejected}",)
    return Table("Limits", columns, (Section("", (*lines, estimate, width)),), notes)


def corrupted_table(
    outcomes: Sequence[tuple[str, str, VerdictOutcome]], known: Mapping[str, Perturbation]
) -> Table:
    """How many masks of spoilt images are bad, and how many of these are stopped.

    Args:
        outcomes: perturbation, level and what the verdict said.
        known: the perturbations, for their titles.
    """
    grouped: dict[tuple[str, str], list[VerdictOutcome]] = defaultdict(list)
    for name, level, one in outcomes:
        grouped[name, level].append(one)
    lines = [
        _corrupted_line(f"{known[name].title}, {level}{known[name].unit}", some)
        for (name, level), some in grouped.items()
    ]
    lines.append(_corrupted_line("all", [one for _, _, one in outcomes]))
    columns = tuple(
        map(
            Column,
            ("Spoilt by", "Patients", "Mean Dice", "Bad", "Bad, stopped", "Bad, rejected", "Good, stopped"),
        )
    )
    return Table("The verdict on spoilt images", columns, (Section("", tuple(lines)),))


def _corrupted_line(title: str, some: Sequence[VerdictOutcome]) -> tuple[str, ...]:
    bad, good = ([one for one in some if one.case.bad is kind] for kind in (True, False))
    return (
        title,
        str(len(some)),
        f"{statistics.fmean(one.case.mean_dice for one in some):.2f}",
        str(len(bad)),
        str(sum(one.stopped for one in bad)),
        str(sum(one.verdict is Verdict.REJECT for one in bad)),
        f"{sum(one.stopped for one in good)} of {len(good)}",
    )


def _share(some: Sequence[VerdictOutcome], test: Callable[[VerdictOutcome], bool]) -> tuple[str, str]:
    if not some:
        return "none of 0", ""
    hits = sum(map(test, some))
    low, high = exact_interval(hits, len(some))
    return f"{hits} of {len(some)} ({100 * hits / len(some):.0f} %)", f"{100 * low:.0f} to {100 * high:.0f} %"


def _spread(errors: Sequence[float], outcomes: Sequence[VerdictOutcome]) -> str:
    found = mean_interval(
        errors, [one.case.patient for one in outcomes], np.random.default_rng(BOOTSTRAP_SEED)
    )
    return "" if found is None else f"{found.low:.3f} to {found.high:.3f}"


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.1f} to {max(values):.1f}"


def strokes_table(strokes_ml: Sequence[tuple[float, float]]) -> Table:
    """How far the stroke volumes of masks drawn by hand differ.

    Args:
        strokes_ml: of LV and RV, of each patient.
    """
    shares = sorted(stroke_volume_mismatch(*pair) for pair in strokes_ml)
    lines = [("median", f"{100 * statistics.median(shares):.0f} %"), ("largest", f"{100 * shares[-1]:.0f} %")]
    lines += [
        (f"more than {100 * limit:.0f} %", f"{sum(share > limit for share in shares)} of {len(shares)}")
        for limit in (USUAL_MISMATCH, MOST_STROKE_MISMATCH)
    ]
    title = "Difference of the stroke volumes in the manual masks of ACDC"
    return Table(title, (Column("What"), Column("Found")), (Section("", tuple(lines)),), ())
