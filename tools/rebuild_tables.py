"""Rebuild every table of measured numbers in the documentation from the committed per-case results.

Run ``make tables`` after results change; a test fails where a table and its results disagree.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from septum.core.files import write_text
from septum.reporting.accuracy import accuracy_summary, accuracy_text
from septum.reporting.agreement_plot import save_figure
from septum.reporting.score_table import read_results
from septum.reporting.table import Column, Section, Table
from septum.study import robustness_report
from septum.study.declaration import load_study
from septum.study.ledger import read_entry
from septum.study.table_cells import PRELIMINARY, fold_list
from septum.study.tables import table, table_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from septum.study.declaration import Row, Study
    from septum.study.ledger import Entry

ROOT = Path(__file__).resolve().parents[1]
PRODUCTION = ROOT / "studies" / "production"
README = ROOT / "README.md"
#: The model that the README tells about.
MAIN = "cine"
CARDS = tuple(sorted((ROOT / "src" / "septum" / "models").glob("*/MODEL_CARD.md")))
STUDY_RESULTS = ROOT / "studies" / "paper"
STUDY_PAGE = ROOT / "docs" / "explanation" / "paper-study.md"
ROBUSTNESS_RESULTS = ROOT / "studies" / "robustness"
ROBUSTNESS_PAGE = ROOT / "docs" / "explanation" / "robustness.md"
PICTURES = ROOT / "docs" / "pictures"
DOCUMENTS = (README, *CARDS, STUDY_PAGE, ROBUSTNESS_PAGE)

ACCURACY = re.compile(r"(<!-- accuracy: begin.*?-->\n).*?(<!-- accuracy: end -->)", re.DOTALL)
STUDY = re.compile(r"(<!-- study ([a-z0-9 ]+): begin -->\n).*?(<!-- study \2: end -->)", re.DOTALL)
ROBUSTNESS = re.compile(
    r"(<!-- robustness ([a-z0-9-]+): begin -->\n).*?(<!-- robustness \2: end -->)", re.DOTALL
)
MARK = re.compile(r"<!-- study [^>]*-->")
#: Name of the block that tells what has run; the others are ``table`` and the name of a table.
UNITS = "units"
#: Name of the block that tells all levels of robustness; the others are names of bundles.
LEVELS = "levels"


def rebuilt(document: Path) -> str:
    """Text of the document with its tables made anew: all in a model card, a summary in the README."""
    text = document.read_text(encoding="utf-8")
    if document == STUDY_PAGE:
        return with_study(text, load_study("paper"), STUDY_RESULTS)
    if document == ROBUSTNESS_PAGE:
        return with_robustness(text, ROBUSTNESS_RESULTS)
    model, make = (MAIN, accuracy_summary) if document == README else (document.parent.name, accuracy_text)
    block = make(read_results(PRODUCTION / model / "test_scores.csv")) + "\n"
    text, count = ACCURACY.subn(lambda match: match[1] + block + match[2], text)
    if count != 1:
        sys.exit(f"{document}: expected one block between the accuracy marks, found {count}")
    return text


def with_study(text: str, study: Study, results: Path) -> str:
    """A page with what a study's results say between its marks, every table once."""
    blocks = {f"table {name}": table(study, results, name).markdown() for name in table_names(study)}
    blocks[UNITS] = units_text(study, results)
    found, marks = [match[2] for match in STUDY.finditer(text)], len(MARK.findall(text))
    if sorted(found) != sorted(blocks) or marks != 2 * len(found):
        sys.exit(
            f"the page of study {study.name}: expected one pair of marks for each of "
            f"{', '.join(sorted(blocks))}; found pairs for {', '.join(sorted(found)) or 'none'}, and {marks} "
            "marks in all"
        )
    return STUDY.sub(lambda match: f"{match[1]}\n{blocks[match[2]]}\n{match[3]}", text)


def with_robustness(text: str, results: Path) -> str:
    """The page on robustness with what the results say between its marks."""
    if text.count("<!-- robustness ") != 2 * len(ROBUSTNESS.findall(text)):
        sys.exit("the page on robustness: expected each mark to have its begin and its end")
    return ROBUSTNESS.sub(lambda match: f"{match[1]}\n{_robustness(match[2], results)}\n{match[3]}", text)


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


def units_text(study: Study, results: Path) -> str:
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
        row.dataset.upper(),
        fold_list([entry.fold for entry in own]),
        fold_list(early) if early else "none",
        ", ".join(dict.fromkeys(p.made_by.partition(", torch")[0] for e in own for p in e.parts)),
        f"{sum(entry.training_seconds for entry in own) / 3600:.1f}",
    )


if __name__ == "__main__":
    for path in DOCUMENTS:
        write_text(path, rebuilt(path))
    draw_robustness(ROBUSTNESS_PAGE.read_text(encoding="utf-8"), ROBUSTNESS_RESULTS)
