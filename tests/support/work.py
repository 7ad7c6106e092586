"""How much work is done: multiply-adds of a graph, calls of functions, and what a fresh process loads."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.inference import ENGINES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

#: Runs the command line, and tells its exit code, the modules that it loads and how often it opens a file.
TOLD = """
import json, sys
from pathlib import Path
before, watched, opened = set(sys.modules), sys.argv[1], []
sys.addaudithook(lambda event, args: event == "open" and opened.append(str(args[0])))
from septum.cli.main import main
code = main(sys.argv[2:])
print(json.dumps([code, sorted(set(sys.modules) - before), opened.count(watched)]))
"""


class Engines:
    """Counts what engines do: ``compiled`` graphs by name, and for each the shapes that it ``saw``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, engine: str = "openvino") -> None:
        self.compiled: list[str] = []
        self.saw: dict[str, list[tuple[int, ...]]] = {}
        original = ENGINES[engine]

        def counted(graph: Path, *arguments: Any) -> Any:
            compiled = original(graph, *arguments)
            self.compiled.append(graph.stem)
            run, shapes = compiled.run, self.saw.setdefault(graph.stem, [])

            def run_counted(image: Any) -> Any:
                shapes.append(image.shape[2:])
                return run(image)

            compiled.run = run_counted
            return compiled

        monkeypatch.setitem(ENGINES, engine, counted)


class Passes:
    """Counts calls, under whatever name a module of Septum knows them, that are given a large array.

    Args:
        monkeypatch: undoes it.
        functions: of Septum.
        voxels: the least size of a large array.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, functions: Sequence[Any], voxels: int) -> None:
        self.calls = {function.__name__: 0 for function in functions}
        self._voxels = voxels
        for function in functions:
            counted = self._counted(function)
            for module in [one for name, one in sys.modules.items() if name.startswith("septum.")]:
                for attribute in [a for a, value in vars(module).items() if value is function]:
                    monkeypatch.setattr(module, attribute, counted)

    def _counted(self, function: Any) -> Any:
        def counted(*arguments: Any, **named: Any) -> Any:
            arrays = [getattr(one, "array", one) for one in (*arguments, *named.values())]
            if any(isinstance(one, np.ndarray) and one.size >= self._voxels for one in arrays):
                self.calls[function.__name__] += 1
            return function(*arguments, **named)

        return counted


def in_a_fresh_process(*arguments: object, watched: Path | str = "") -> tuple[int, list[str], int]:
    """Exit code of a command line, the modules that it loads, and how often it opens the file ``watched``."""
    command = [sys.executable, "-c", TOLD, str(watched), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    code, modules, opened = json.loads(done.stdout.splitlines()[-1])
    return code, modules, opened
