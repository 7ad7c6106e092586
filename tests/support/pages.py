"""The pages of the documentation, and what they show in fenced blocks."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(console|bash|python|text|json|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, *languages: str) -> list[str]:
    """The fenced blocks of a page in some languages, in order."""
    return [
        body for language, body in FENCE.findall(page.read_text(encoding="utf-8")) if language in languages
    ]


@dataclass(frozen=True)
class Sentence:
    """One sentence of a page, without its markup."""

    line: int
    text: str

    @property
    def words(self) -> int:
        """Number of words; code in backticks counts as one."""
        return sum(any(c.isalnum() for c in word) for word in self.text.split())


GENERATED = re.compile(
    r"^<!-- (?!fields|rows)([a-z0-9 -]+): begin.*?-->$.*?^<!-- \1: end -->$", re.MULTILINE | re.DOTALL
)
#: Words of the text that are no end of a sentence, though a full stop follows.
ABBREVIATIONS = re.compile(r"\b(et al|e\.g|i\.e|vs|cf|Dr|Fig|no|S|A|N|O|L|C|F|Q|X)\.(?= )")


def blanked(text: str, pattern: re.Pattern[str]) -> str:
    """Remove what a pattern finds, and keep the number of lines."""
    return pattern.sub(lambda match: "\n" * match[0].count("\n"), text)


#: What is on a page and is no prose: fenced code, generated blocks, comments, included files.
NO_PROSE = (
    re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL),
    GENERATED,
    re.compile(r"<!--.*?-->", re.DOTALL),
    re.compile(r'^--8<-- ".*"$', re.MULTILINE),
)


def prose_of(page: Path) -> str:
    """The prose of a page, on as many lines as the page has."""
    text = page.read_text(encoding="utf-8")
    for pattern in NO_PROSE:
        text = blanked(text, pattern)
    return text


def sentences(page: Path) -> list[Sentence]:
    """Each sentence of a page: of its paragraphs, its lists and the cells of its tables."""
    found: list[Sentence] = []
    paragraph: list[str] = []
    start = 0

    def close() -> None:
        if paragraph:
            found.extend(Sentence(start, part) for part in split(" ".join(paragraph)))
            paragraph.clear()

    for number, line in enumerate(prose_of(page).splitlines(), start=1):
        bare = line.strip().removeprefix("> ").strip()
        if bare.startswith("|"):
            close()
            cells = re.split(r"(?<!\\)\|", bare.strip("|"))
            found.extend(Sentence(number, part) for cell in cells for part in split(cell))
            continue
        item = re.match(r"([-*+]|\d+\.|#+|!!!) +", bare)
        if item or not bare:
            close()
            start, bare = number, bare[item.end() :] if item else ""
        if bare:
            start = start if paragraph else number
            paragraph.append(bare)
        if line.lstrip().startswith("#"):
            close()
    close()
    return found


def split(text: str) -> list[str]:
    """The sentences of a paragraph, with links and emphasis taken off."""
    text = re.sub(r"`[^`]*`", "code", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = ABBREVIATIONS.sub(lambda match: match[0].rstrip("."), re.sub(r"[*_]{1,2}|<[^>]+>", "", text))
    return [part for part in re.split(r"(?<=[.!?])[)\"']?\s+(?=[A-Z0-9.\"'(-]|code)", text.strip()) if part]
