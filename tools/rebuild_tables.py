"""Rebuild every table of measured numbers in the documentation from the committed per-case results.

Run ``make tables`` after results change; a test fails where a table and its results disagree.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from septum.core.files import write_text
from septum.reporting.accuracy import accuracy_text
from septum.reporting.score_table import read_results

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "studies" / "production" / "cine" / "test_scores.csv"
BLOCK = re.compile(r"(<!-- accuracy: begin.*?-->\n).*?(<!-- accuracy: end -->)", re.DOTALL)
DOCUMENTS = (ROOT / "README.md", ROOT / "src" / "septum" / "models" / "cine" / "MODEL_CARD.md")


def rebuilt(document: Path) -> str:
    """Text of the document with its table made anew."""
    block = accuracy_text(read_results(RESULTS)) + "\n"
    text, count = BLOCK.subn(lambda match: match[1] + block + match[2], document.read_text(encoding="utf-8"))
    if count != 1:
        sys.exit(f"{document}: expected one block between the accuracy marks, found {count}")
    return text


if __name__ == "__main__":
    for path in DOCUMENTS:
        write_text(path, rebuilt(path))
