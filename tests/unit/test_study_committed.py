"""Tables of committed results are printed where torch is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RESULTS = Path(__file__).parents[2] / "studies" / "half"
PROGRAM = f"""
import sys
from importlib.machinery import PathFinder
from pathlib import Path
found = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name == "torch" else found(name, *rest)
from septum_study import committed
text, unchecked = committed.table("half", Path({str(RESULTS)!r}), "2", "markdown")
assert not sys.modules.keys() & {{"torch", "septum.networks", "matplotlib"}}
assert unchecked == committed.UNCHECKED
print(text)
"""


def test_a_table_of_committed_results_needs_no_torch():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "|" in done.stdout
