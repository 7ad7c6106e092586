"""Rebuild every table of measured numbers in the documentation from the committed per-case results.

Run ``make tables`` after results change; a test fails where a table and its results disagree.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from septum.core.files import write_text
from septum.datasets import REGISTRY
from septum.inference import open_bundle
from septum.metrics import summarise
from septum.metrics.accuracy import accuracy_summary, accuracy_text
from septum.metrics.paired import compare_paired
from septum.metrics.scores_file import read_rows
from septum.metrics.table import Column, Section, Table
from septum.quality.calibration import calibration_of
from septum_study.calibration.cases import corrupted_of, quality_cases
from septum_study.calibration.decision import read_slices
from septum_study.calibration.evaluation import evaluate_on, evaluate_unseen
from septum_study.calibration.report import (
    corrupted_table,
    flag_table,
    limits_table,
    parts_table,
    reasons_table,
    strokes_table,
    verdict_table,
)
from septum_study.comparison_table import MEASURES, patient_means
from septum_study.declaration import load_study
from septum_study.documentation.decision_tables import shift_table, slices_table, turned_table
from septum_study.documentation.elsewhere_tables import fraction_table, overlap_table
from septum_study.documentation.indices_agreement import agreement_table, spacing_table
from septum_study.documentation.pattern_tables import pattern_tables
from septum_study.documentation.ranges_tables import ranges_tables
from septum_study.documentation.service_tables import cohort_table, kills_table, node_table, viewer_table
from septum_study.documentation.speed_figure import scaling_figure
from septum_study.documentation.speed_tables import speed_summary, speed_tables
from septum_study.documentation.strain_tables import halves_table, phantom_table
from septum_study.documentation.temporal_table import temporal_table
from septum_study.ledger import read_entry
from septum_study.pictures.agreement_plot import save_figure
from septum_study.results import native_scores
from septum_study.robustness import report as robustness_report
from septum_study.robustness.perturbations import PERTURBATIONS
from septum_study.summary_table import ERRORS, index_errors
from septum_study.table_cells import NOT_RUN, PRELIMINARY, fold_list
from septum_study.tables import table, table_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from septum.metrics.scores_file import Row as Scores
    from septum_study.declaration import Declaration, Row
    from septum_study.ledger import Entry

ROOT = Path(__file__).resolve().parents[1]
PRODUCTION = ROOT / "studies" / "production"
README = ROOT / "README.md"
#: The model that the README tells about.
MAIN = "cine"
CARDS = tuple(sorted((ROOT / "src" / "septum" / "models").glob("*/MODEL_CARD.md")))
STUDIES = ROOT / "studies"
EXPLANATION = ROOT / "docs" / "explanation"
#: Pages of studies, and the name of the study that each is about.
STUDY_PAGES = {
    EXPLANATION / "paper-study.md": "half",
    EXPLANATION / "production.md": "production",
    EXPLANATION / "ablation.md": "ablation",
}
ROBUSTNESS_RESULTS = ROOT / "studies" / "robustness"
ROBUSTNESS_PAGE = EXPLANATION / "robustness.md"
PICTURES = ROOT / "docs" / "pictures"
INDICES_RESULTS = ROOT / "studies" / "indices"
INDICES_PAGE = EXPLANATION / "indices.md"
QUALITY_RESULTS = ROOT / "studies" / "quality"
QUALITY_PAGE = EXPLANATION / "quality.md"
RANGES_PAGE = EXPLANATION / "reference-ranges.md"
STRAIN_PAGE = EXPLANATION / "strain.md"
GROUPS_PAGE = EXPLANATION / "groups.md"
BENCHMARKS = ROOT / "benchmarks" / "results"
SPEED_PAGE = EXPLANATION / "speed.md"
DOCUMENTS = (
    README,
    *CARDS,
    *STUDY_PAGES,
    ROBUSTNESS_PAGE,
    INDICES_PAGE,
    QUALITY_PAGE,
    RANGES_PAGE,
    STRAIN_PAGE,
    GROUPS_PAGE,
    SPEED_PAGE,
)

ACCURACY = re.compile(r"(<!-- accuracy: begin.*?-->\n).*?(<!-- accuracy: end -->)", re.DOTALL)
STUDY = re.compile(r"(<!-- study ([a-z0-9 ]+): begin -->\n).*?(<!-- study \2: end -->)", re.DOTALL)
ROBUSTNESS = re.compile(
    r"(<!-- robustness ([a-z0-9-]+): begin -->\n).*?(<!-- robustness \2: end -->)", re.DOTALL
)
INDICES = re.compile(r"(<!-- indices ([a-z-]+): begin -->\n).*?(<!-- indices \2: end -->)", re.DOTALL)
QUALITY = re.compile(r"(<!-- quality ([a-z-]+): begin -->\n).*?(<!-- quality \2: end -->)", re.DOTALL)
RANGES = re.compile(r"(<!-- ranges ([a-z-]+): begin -->\n).*?(<!-- ranges \2: end -->)", re.DOTALL)
STRAIN = re.compile(r"(<!-- strain ([a-z-]+): begin -->\n).*?(<!-- strain \2: end -->)", re.DOTALL)
GROUPS = re.compile(r"(<!-- groups ([a-z-]+): begin -->\n).*?(<!-- groups \2: end -->)", re.DOTALL)
SPEED = re.compile(r"(<!-- speed ([a-z-]+): begin -->\n).*?(<!-- speed \2: end -->)", re.DOTALL)
FLIPS = re.compile(r"(<!-- flips: begin.*?-->\n).*?(<!-- flips: end -->)", re.DOTALL)
REACHED = re.compile(r"(<!-- reached: begin.*?-->\n).*?(<!-- reached: end -->)", re.DOTALL)
DECISION = re.compile(r"(<!-- decision: begin.*?-->\n).*?(<!-- decision: end -->)", re.DOTALL)
TURNED = re.compile(r"(<!-- turned: begin.*?-->\n).*?(<!-- turned: end -->)", re.DOTALL)
ELSEWHERE = re.compile(r"(<!-- elsewhere: begin.*?-->\n).*?(<!-- elsewhere: end -->)", re.DOTALL)
#: Cells that hold no value.
EMPTY = frozenset({"", "-"})
#: Rows that have not run are named in the line below a table up to this number, and counted above it.
MOST_NAMED = 6
MARK = re.compile(r"<!-- study [^>]*-->")
#: Name of the block that tells what has run; the others are ``table`` and the name of a table.
UNITS = "units"
#: Name of the block that tells all levels of robustness; the others are names of bundles.
LEVELS = "levels"


def rebuilt(document: Path) -> str:
    """Text of the document with its tables made anew: all in a model card, a summary in the README."""
    text = document.read_text(encoding="utf-8")
    if document in STUDY_PAGES:
        study = load_study(STUDY_PAGES[document])
        text = with_study(text, study, STUDIES / study.name)
        text = REACHED.sub(lambda match: match[1] + reached_table() + match[2], text)
        text = DECISION.sub(lambda match: match[1] + decision_tables() + match[2], text)
        text = TURNED.sub(lambda match: match[1] + turned_tables() + match[2], text)
        text = ELSEWHERE.sub(lambda match: match[1] + elsewhere_tables() + match[2], text)
        return FLIPS.sub(lambda match: match[1] + flips_table() + match[2], text)
    if document in OTHER_PAGES:
        return OTHER_PAGES[document](text)
    model, make = (MAIN, accuracy_summary) if document == README else (document.parent.name, accuracy_text)
    block = make(read_rows(PRODUCTION / model / "test_scores.csv")) + "\n"
    if document == README:
        text = SPEED.sub(lambda match: match[1] + speed_summary(benchmark("suite")) + match[3], text)
        text = REACHED.sub(lambda match: match[1] + reached_table() + match[2], text)
    text, count = ACCURACY.subn(lambda match: match[1] + block + match[2], text)
    if count != 1:
        sys.exit(f"{document}: expected one block between the accuracy marks, found {count}")
    return text


def benchmark(name: str) -> dict[str, Any]:
    """What a benchmark found, the last time."""
    result: dict[str, Any] = json.loads((BENCHMARKS / f"{name}.json").read_text(encoding="utf-8"))
    return result


def every_speed_table() -> dict[str, Table]:
    """All tables of the page on speed, by the name of their mark."""
    return {
        **speed_tables(benchmark("suite")),
        "cohort": cohort_table(benchmark("cohort_rate")),
        "kills": kills_table(benchmark("node_kills"), benchmark("node_many"), benchmark("cohort_kills")),
        "node": node_table(benchmark("node_latency")),
        "viewer": viewer_table(benchmark("view_time")),
    }


def with_study(text: str, study: Declaration, results: Path) -> str:
    """A page with what a study's results say between its marks, every table once."""
    blocks = {f"table {name}": folded(table(study, results, name)) for name in table_names(study)}
    blocks[UNITS] = units_text(study, results)
    found, marks = [match[2] for match in STUDY.finditer(text)], len(MARK.findall(text))
    if sorted(found) != sorted(blocks) or marks != 2 * len(found):
        sys.exit(
            f"the page of study {study.name}: expected one pair of marks for each of "
            f"{', '.join(sorted(blocks))}; found pairs for {', '.join(sorted(found)) or 'none'}, and {marks} "
            "marks in all"
        )
    return STUDY.sub(lambda match: f"{match[1]}\n{blocks[match[2]]}\n{match[3]}", text)


def folded(shown: Table) -> str:
    """Write a table for a page, with the rows that hold no value in one line below it.

    A row stays if anything is in it, such as a value that the paper prints. Columns that are then empty, and
    sections without rows, are left out. Notes that differ only in the row that they are about become one.

    Args:
        shown: a table whose rows that have not run say so in a cell.

    Returns:
        Markdown; a single line if nothing has run and nothing is published.
    """
    kept = [Section(s.title, tuple(line for line in s.lines if _has_value(line))) for s in shown.sections]
    kept = [section for section in kept if section.lines]
    missing = [line[0] for section in shown.sections for line in section.lines if not _has_value(line)]
    if not kept:
        return f"**{shown.title}**: none of the {len(missing)} rows has run.\n"
    filled = [
        column
        for column in range(len(shown.columns))
        if any(line[column] not in EMPTY for section in kept for line in section.lines)
    ]
    notes = _joined(shown.notes)
    if len(missing) > MOST_NAMED:
        notes.insert(0, f"{len(missing)} more rows have not run.")
    elif missing:
        notes.insert(0, f"Not run: {'; '.join(missing)}.")
    sections = [Section(s.title, tuple(tuple(line[c] for c in filled) for line in s.lines)) for s in kept]
    columns = tuple(shown.columns[column] for column in filled)
    return Table(shown.title, columns, tuple(sections), tuple(notes)).markdown()


def _has_value(line: Sequence[str]) -> bool:
    return any(cell not in {*EMPTY, NOT_RUN, "none"} for cell in line[1:])


def _joined(notes: Sequence[str]) -> list[str]:
    """Notes on preliminary rows, ``† ROW: what was cut short``, with all rows of one reason in one note."""
    rows: dict[str, list[str]] = {}
    plain = [note for note in notes if not note.startswith(PRELIMINARY)]
    for note in notes:
        if note.startswith(PRELIMINARY):
            row, _, reason = note.removeprefix(PRELIMINARY).strip().partition(": ")
            rows.setdefault(reason, []).append(row)
    return plain + [f"{PRELIMINARY} {'; '.join(names)}: {reason}" for reason, names in rows.items()]


def reached_table() -> str:
    """What is wanted of the production models, and what the shipped ones reach on their test patients."""
    cine, la = (native_scores(read_rows(PRODUCTION / name / "test_scores.csv")) for name in ("cine", "la"))
    rows = [row | {"fold": "0"} for row in read_rows(PRODUCTION / "cine" / "test_scores.csv")]
    errors = [statistics.fmean(map(abs, index_errors(rows, name))) for name in ERRORS]
    reached = (
        ("ACDC, mean Dice", ".915", f"{summarise(cine).dice.mean:.3f}"),
        ("ACDC, mean Hausdorff distance (mm)", "9.5", f"{summarise(cine).penalised_hausdorff_mm.mean:.1f}"),
        ("LV ejection fraction, mean absolute error (points)", "3.0", f"{errors[0]:.1f}"),
        ("LV mass, mean absolute error (g)", "10", f"{errors[1]:.1f}"),
        ("LASC (cropped copy), mean Dice", ".915", f"{summarise(la).dice.mean:.3f}"),
    )
    columns = (Column("What"), Column("At least"), Column("Reached"))
    return Table("Wanted and reached", columns, (Section("", reached),), ()).markdown() + "\n"


def decision_tables() -> str:
    """What the decision on slices and the shift of the wall's logit change."""
    folder = PRODUCTION / MAIN
    slices = slices_table(read_slices(folder / "slices.csv"))
    return f"{slices.markdown()}\n{shift_table(read_rows(folder / 'logit_shift.csv')).markdown()}\n"


def turned_tables() -> str:
    """What the model of the atrium does with volumes that are turned or mirrored."""
    return f"{turned_table(read_rows(PRODUCTION / 'la' / 'turned.csv')).markdown()}\n"


def elsewhere_tables() -> str:
    """What the shipped model does with hearts of other hospitals, scanners and readers."""
    overlaps, fractions = (read_rows(STUDIES / "elsewhere" / name) for name in ("cine.csv", "cine_ef.csv"))
    return f"{overlap_table(overlaps).markdown()}\n{fraction_table(fractions).markdown()}\n"


def flips_table() -> str:
    """What the mean over mirror images gives: both scores of each model, and the shift over patients."""
    lines = []
    for model in (card.parent.name for card in CARDS):
        files = [PRODUCTION / model / name for name in ("test_scores.csv", "test_scores_flips.csv")]
        if all(file.is_file() for file in files):
            lines.append(_flips_line(model, *map(read_rows, files)))
    columns = (
        Column("Model"),
        *(Column(m, g) for g in ("Dice", "HD (mm)") for m in ("one image", "four", "shift")),
    )
    note = (
        "Test patients of the published split. The shift is the Hodges-Lehmann estimate over patients, with "
        "its 95 % interval. A missed structure counts as Dice 0, and with the diagonal as its distance."
    )
    return (
        Table("Mirror images at test time", columns, (Section("", tuple(lines)),), (note,)).markdown() + "\n"
    )


def _flips_line(model: str, plain: list[Scores], flipped: list[Scores]) -> tuple[str, ...]:
    cells = [model]
    for _, digits, value in MEASURES[:2]:
        one, four = (patient_means(rows, value) for rows in (plain, flipped))
        shift = compare_paired([four[p] for p in one], list(one.values()))
        cells += [f"{statistics.fmean(means.values()):.{digits}f}" for means in (one, four)]
        cells.append(f"{shift.shift:+.{digits}f} [{shift.low:+.{digits}f}, {shift.high:+.{digits}f}]")
    return tuple(cells)


def with_robustness(text: str, results: Path) -> str:
    """The page on robustness with what the results say between its marks."""
    if text.count("<!-- robustness ") != 2 * len(ROBUSTNESS.findall(text)):
        sys.exit("the page on robustness: expected each mark to have its begin and its end")
    return ROBUSTNESS.sub(lambda match: f"{match[1]}\n{_robustness(match[2], results)}\n{match[3]}", text)


def with_indices(text: str, results: Path) -> str:
    """The page on clinical indices with its tables between its marks."""
    tables = {
        "agreement": agreement_table(read_rows(results / "cine.csv")),
        "spacing": spacing_table(read_rows(results / "slice_spacing.csv")),
        "temporal": temporal_table(read_rows(results / "temporal.csv")),
    }
    return _filled(text, INDICES, tables, "indices")


def with_quality(text: str, results: Path) -> str:
    """The page on quality with its tables between its marks."""
    names = ("cases.csv", "corrupted.csv", "manual.csv")
    rows, spoilt, manual = (read_rows(results / name) for name in names)
    cases = quality_cases(rows)
    outcomes = evaluate_unseen(cases)
    own = [one for one, row in zip(outcomes, rows, strict=True) if row["model"] == MAIN]
    of_spoilt = evaluate_on(cases, corrupted_of(spoilt, cases))
    named = [(row["perturbation"], row["level"], one) for row, one in zip(spoilt, of_spoilt, strict=True)]
    calibration = calibration_of(open_bundle(MAIN))
    if calibration is None:
        sys.exit(f"the model {MAIN} has no calibration of its networks: run tools/calibrate_quality.py fit")
    tables = {
        "limits": limits_table(calibration),
        "parts": parts_table(outcomes, {row["patient"]: (row["fold"], row["model"]) for row in rows}),
        "verdict": verdict_table(outcomes, MAIN, own),
        "flags": flag_table(outcomes),
        "reasons": reasons_table(outcomes, MAIN, own),
        "strokes": strokes_table([(float(row["lv_sv_ml"]), float(row["rv_sv_ml"])) for row in manual]),
        "corrupted": corrupted_table(named, PERTURBATIONS),
    }
    return _filled(text, QUALITY, tables, "quality")


def with_strain(text: str, results: Path) -> str:
    """The page on strain with its tables between its marks."""
    tables = {
        "phantom": phantom_table(read_rows(results / "phantom.csv")),
        "halves": halves_table(read_rows(results / "halves.csv")),
    }
    return _filled(text, STRAIN, tables, "strain")


def _filled(text: str, marks: re.Pattern[str], tables: Mapping[str, Table], page: str) -> str:
    """A page with each of its tables between a pair of marks."""
    if sorted(match[2] for match in marks.finditer(text)) != sorted(tables):
        sys.exit(f"the page on {page}: expected one pair of marks for each of {', '.join(sorted(tables))}")
    return marks.sub(lambda match: f"{match[1]}\n{tables[match[2]].markdown()}\n{match[3]}", text)


def _robustness(name: str, results: Path) -> str:
    if name == LEVELS:
        return robustness_report.levels_table().markdown()
    return robustness_report.block(
        robustness_report.current(results, name), f"../pictures/{_picture(name).name}"
    )


def draw_robustness(text: str, results: Path) -> None:
    """Draw the curves of each bundle that the page has a block for; without results there is no picture."""
    for name in (match[2] for match in ROBUSTNESS.finditer(text) if match[2] != LEVELS):
        found = robustness_report.current(results, name)
        if found is None:
            _picture(name).unlink(missing_ok=True)
        else:
            path = _picture(name)
            save_figure(robustness_report.figure(found), path.with_suffix(""), [path.suffix])


def _picture(name: str) -> Path:
    return PICTURES / f"robustness-{name}.svg"


def units_text(study: Declaration, results: Path) -> str:
    """How many units the ledger has an entry of, and a line for each row that has any."""
    units = list(study.units())
    entries = [e for row, fold in units if (e := read_entry(results, row.key, fold)) is not None]
    early = [entry for entry in entries if entry.preliminary]
    told = f"**{len(entries)} of {len(units)} units have run** ({len(study.rows)} rows, {study.folds} folds)"
    told += f", {len(early)} of them preliminary ({PRELIMINARY}).\n" if early else ".\n"
    if not entries:
        return told
    rows = [(row, [e for e in entries if e.row == row.key]) for row in map(study.row, study.presentation)]
    lines = tuple(_units_line(row, own) for row, own in rows if own)
    columns = ("Method", "Data", "Run", "Preliminary", "Trained on", "Training (h)")
    notes = ("A network that several rows share counts in the hours of each.",)
    made = Table("What has run", tuple(map(Column, columns)), (Section("", lines),), notes)
    return f"{told}\n{made.markdown()}"


def _units_line(row: Row, entries: Sequence[Entry]) -> tuple[str, ...]:
    own = sorted(entries, key=lambda entry: entry.fold)
    early = [entry.fold for entry in own if entry.preliminary]
    return (
        f"{row.label}, {row.filters} filters",
        REGISTRY[row.dataset].title,
        fold_list([entry.fold for entry in own]),
        fold_list(early) if early else "none",
        ", ".join(dict.fromkeys(p.made_by.partition(", torch")[0] for e in own for p in e.parts)),
        f"{sum(entry.training_seconds for entry in own) / 3600:.1f}",
    )


#: Pages with tables of their own, each with what fills them.
OTHER_PAGES: dict[Path, Callable[[str], str]] = {
    ROBUSTNESS_PAGE: lambda text: with_robustness(text, ROBUSTNESS_RESULTS),
    INDICES_PAGE: lambda text: with_indices(text, INDICES_RESULTS),
    QUALITY_PAGE: lambda text: with_quality(text, QUALITY_RESULTS),
    RANGES_PAGE: lambda text: _filled(text, RANGES, ranges_tables(STUDIES, MAIN), "reference ranges"),
    GROUPS_PAGE: lambda text: _filled(text, GROUPS, pattern_tables(STUDIES), "groups"),
    STRAIN_PAGE: lambda text: with_strain(text, STUDIES / "strain"),
    SPEED_PAGE: lambda text: _filled(text, SPEED, every_speed_table(), "speed"),
}

if __name__ == "__main__":
    for path in DOCUMENTS:
        write_text(path, rebuilt(path))
    draw_robustness(ROBUSTNESS_PAGE.read_text(encoding="utf-8"), ROBUSTNESS_RESULTS)
    save_figure(scaling_figure(benchmark("suite")["scaling"]), PICTURES / "scaling", [".svg"])
