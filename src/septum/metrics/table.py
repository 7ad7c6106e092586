"""One table, written as Markdown, CSV or LaTeX: the same cells each time, nothing computed here."""

from __future__ import annotations

import csv
import io
import itertools
import re
from dataclasses import dataclass

#: What LaTeX would read as a command, or has no glyph for outside of mathematics.
_LATEX = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "<": "$<$", ">": "$>$", "±": r"$\pm$", "×": r"$\times$", "−": "$-$", "–": "--", "†": r"$\dagger$",
}  # fmt: skip
_NEGATIVE = re.compile(r"(?<![\w.-])-(?=\d)")


@dataclass(frozen=True)
class Column:
    """Heading of a column, and of the neighbouring columns that belong together with it."""

    title: str
    group: str = ""

    @property
    def heading(self) -> str:
        """Both in one line."""
        return f"{self.group}: {self.title}" if self.group else self.title


@dataclass(frozen=True)
class Section:
    """Lines under a heading of their own; an empty title has none."""

    title: str
    lines: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        title: caption.
        columns: headings; the first column is set left, all others right.
        sections: lines, each with one cell a column.
        notes: sentences below the table.

    Raises:
        ValueError: a line has more or fewer cells than there are columns.
    """

    title: str
    columns: tuple[Column, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for line in (line for section in self.sections for line in section.lines):
            if len(line) != len(self.columns):
                raise ValueError(f"expected {len(self.columns)} cells, got {len(line)}: {line}")

    def markdown(self) -> str:
        """Caption, table in GitHub's dialect, and notes."""
        alignment = ["---"] + ["--:"] * (len(self.columns) - 1)
        lines = [_markdown_line([c.heading for c in self.columns]), f"|{'|'.join(alignment)}|"]
        for section in self.sections:
            if section.title:
                lines.append(_markdown_line([f"**{section.title}**"] + [""] * (len(self.columns) - 1)))
            lines += [_markdown_line(line) for line in section.lines]
        notes = [f"- {note}" for note in self.notes]
        parts = (f"**{self.title}**", "\n".join(lines), "\n".join(notes))
        return "\n\n".join(part for part in parts if part) + "\n"

    def csv(self) -> str:
        """One line of headings, one a line of the table, its section in a first column; no notes."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["Section", *(column.heading for column in self.columns)])
        writer.writerows([section.title, *line] for section in self.sections for line in section.lines)
        return text.getvalue()

    def latex(self) -> str:
        """A floating ``table`` as wide as the text; needs the packages booktabs and graphicx."""
        width = len(self.columns)
        body = [*self._latex_head(), r"\midrule"]
        for number, section in enumerate(self.sections):
            if number:
                body.append(r"\addlinespace")
            if section.title:
                body.append(rf"\multicolumn{{{width}}}{{l}}{{\textit{{{_latex(section.title)}}}}} \\")
            body += [_latex_line(line) for line in section.lines]
        notes = [rf"\par\smallskip\footnotesize {_latex(note)}" for note in self.notes]
        return "\n".join(
            [
                "% Needs the packages booktabs and graphicx.",
                r"\begin{table}",
                r"\centering",
                rf"\caption{{{_latex(self.title)}}}",
                r"\resizebox{\textwidth}{!}{%",
                rf"\begin{{tabular}}{{l{'r' * (width - 1)}}}",
                r"\toprule",
                *body,
                r"\bottomrule",
                r"\end{tabular}}",
                *notes,
                r"\end{table}",
                "",
            ]
        )

    def _latex_head(self) -> list[str]:
        """One line of headings, or two with rules under the groups."""
        titles = _latex_line([column.title for column in self.columns])
        if not any(column.group for column in self.columns):
            return [titles]
        cells, rules, start = [], [], 1
        for group, members in itertools.groupby(self.columns, key=lambda column: column.group):
            count = len(list(members))
            cells.append(
                rf"\multicolumn{{{count}}}{{c}}{{{_latex(group)}}}" if group else " & " * (count - 1)
            )
            if group:
                rules.append(rf"\cmidrule(lr){{{start}-{start + count - 1}}}")
            start += count
        return [" & ".join(cells) + r" \\", "".join(rules), titles]


def _markdown_line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _latex_line(cells: list[str] | tuple[str, ...]) -> str:
    return " & ".join(map(_latex, cells)) + r" \\"


def _latex(text: str) -> str:
    negative_signs = _NEGATIVE.sub("−", text)
    return "".join(_LATEX.get(character, character) for character in negative_signs)
