"""The prose of the README and the documentation: short sentences, short lines, the words of the field."""

import re
from pathlib import Path

import pytest

from support.pages import ROOT, blocks, prose_of, sentences, split

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LONGEST_SENTENCE = 35
LONGEST_LINE = 120
#: Characters of code that the documentation's column holds.
LONGEST_CODE = 110
#: Addresses cannot be broken, so they do not count.
LINK_TARGET = re.compile(r"\]\([^)]*\)")
#: Words that no page uses, because a reader of another house has to guess what is meant.
DIALECT = re.compile(
    r"\b(told|asked|said|beside|anew|whoever|ours|of yours|tells?|in turn|without a word|saying it again"
    r"|passed over|passes over|so that one|likewise|as it should be)\b",
    re.IGNORECASE,
)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_sentence_is_longer_than_35_words(page):
    assert [(s.line, s.words, s.text) for s in sentences(page) if s.words > LONGEST_SENTENCE] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_source_line_is_longer_than_120_characters(page):
    lines = [
        (number, LINK_TARGET.sub("]()", line))
        for number, line in enumerate(prose_of(page).splitlines(), start=1)
        if not line.lstrip().startswith("|")
    ]
    assert [(number, line) for number, line in lines if len(line) > LONGEST_LINE] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_line_of_code_runs_off_its_page(page):
    lines = [
        line
        for body in blocks(page, "python", "toml", "console", "json", "text")
        for line in body.splitlines()
    ]
    assert [line for line in lines if len(line) > LONGEST_CODE] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_uses_words_of_a_private_vocabulary(page):
    found = [(s.line, m[0], s.text) for s in sentences(page) for m in DIALECT.finditer(s.text)]
    assert found == []


def test_sentences_end_at_full_stops_and_not_at_abbreviations_or_decimals():
    text = "Çiçek et al. (2016) gave 0.5 mm. See `a.b`. [Two](x.md) more? **Yes.**"
    assert split(text) == ["Çiçek et al (2016) gave 0.5 mm.", "See code.", "Two more?", "Yes."]
