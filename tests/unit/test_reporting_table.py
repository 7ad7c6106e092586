"""One table in three forms."""

import csv
import io

import pytest

from septum.metrics.table import Column, Section, Table

TABLE = Table(
    "Scores of A & B",
    (Column("Method"), Column("n"), Column("ours", "Dice"), Column("difference", "Dice"), Column("Missed")),
    (
        Section("8 filters", (("U_Net †", "16", "0.843 ± 0.187", "-0.012", "1"),)),
        Section("", (("V|Net", "16", "0.9, once", "+0.100", "0"),)),
    ),
    ("† preliminary: 50 % of the epochs.",),
)


def test_markdown_has_the_caption_one_heading_a_column_sections_in_bold_and_notes():
    assert TABLE.markdown() == (
        "**Scores of A & B**\n"
        "\n"
        "| Method | n | Dice: ours | Dice: difference | Missed |\n"
        "|---|--:|--:|--:|--:|\n"
        "| **8 filters** |  |  |  |  |\n"
        "| U_Net † | 16 | 0.843 ± 0.187 | -0.012 | 1 |\n"
        "| V\\|Net | 16 | 0.9, once | +0.100 | 0 |\n"
        "\n"
        "- † preliminary: 50 % of the epochs.\n"
    )


def test_csv_reads_back_with_the_section_in_front():
    assert list(csv.reader(io.StringIO(TABLE.csv()))) == [
        ["Section", "Method", "n", "Dice: ours", "Dice: difference", "Missed"],
        ["8 filters", "U_Net †", "16", "0.843 ± 0.187", "-0.012", "1"],
        ["", "V|Net", "16", "0.9, once", "+0.100", "0"],
    ]


def test_latex_groups_headings_and_escapes_what_it_would_read_as_commands():
    lines = TABLE.latex().splitlines()
    head = lines.index(r"\toprule")
    assert lines[head + 1 : head + 8] == [
        r" &  & \multicolumn{2}{c}{Dice} &  \\",
        r"\cmidrule(lr){3-4}",
        r"Method & n & ours & difference & Missed \\",
        r"\midrule",
        r"\multicolumn{5}{l}{\textit{8 filters}} \\",
        r"U\_Net $\dagger$ & 16 & 0.843 $\pm$ 0.187 & $-$0.012 & 1 \\",
        r"\addlinespace",
    ]
    assert r"\caption{Scores of A \& B}" in lines
    assert r"\begin{tabular}{lrrrr}" in lines
    assert r"\par\smallskip\footnotesize $\dagger$ preliminary: 50 \% of the epochs." in lines


def test_every_latex_line_has_as_many_cells_as_columns():
    spans = {r"\multicolumn{2}{c}{Dice}": 2, r"\multicolumn{5}{l}{\textit{8 filters}}": 5}
    for line in TABLE.latex().splitlines():
        if line.endswith(r"\\"):
            cells = [cell.strip() for cell in line.removesuffix(r"\\").split(" & ")]
            assert sum(spans.get(cell, 1) for cell in cells) == 5, line


def test_a_hyphen_inside_a_word_is_no_minus():
    table = Table("t", (Column("a"),), (Section("", (("3D U-Net, folds 0-4, -1.5 [-2.0, 1e-5]",),)),))
    assert r"3D U-Net, folds 0-4, $-$1.5 [$-$2.0, 1e-5] \\" in table.latex()


def test_a_line_with_too_few_cells_is_refused():
    with pytest.raises(ValueError, match="expected 2 cells"):
        Table("t", (Column("a"), Column("b")), (Section("", (("1",),)),))
