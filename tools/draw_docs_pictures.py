"""Draw the documentation's pictures of methods side by side (figures 4 to 6), on phantoms.

``make pictures`` trains the miniature study's methods on more phantoms, for longer and with more filters than
that study has, and draws a test phantom of each data set. Some ten minutes on two cores; stopped, it goes
on where it was.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from septum.training.loop import Deadline
from septum_study.bench import Bench
from septum_study.declaration import load_study
from septum_study.ledger import Unit, read_entry
from septum_study.miniature import data_below
from septum_study.products import draw_case

if TYPE_CHECKING:
    from septum.training.recipe import AnyRecipe

PATIENTS = 12
FILTERS = 8
EPOCHS = 20
ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
ROWS = {
    "acdc": (
        "acdc-unet3d",
        "acdc-vnet",
        "acdc-dr-unet",
        "acdc-end-to-end-keep-z",
        "acdc-multi-stage-keep-z",
    ),
    "lasc": ("lasc-dr-unet", "lasc-multi-stage", "lasc-yang"),
}


@dataclass
class LongerBench(Bench):
    """The miniature study's recipes, trained in earnest."""

    def recipe(self, row: str) -> AnyRecipe:
        """The recipe with more filters and epochs."""
        recipe = super().recipe(row)
        settings = recipe.model_dump()
        for part in (settings["segmenter"], settings.get("localiser")):
            if part is not None:
                part["network"]["filters"] = FILTERS
                part["optimisation"] |= {"epochs": EPOCHS, "patience": None, "steps_per_epoch": 8}
        return type(recipe).model_validate(settings)


def main(work: Path) -> None:
    """Train what is left, then draw."""
    study = load_study("miniature")
    bench = LongerBench(study, data_below(work, PATIENTS), work / "results", work, torch.device("cpu"))
    for dataset, rows in ROWS.items():
        for row in rows:
            if read_entry(bench.results, row, 0) is None:
                bench.run(Unit(row, 0), Deadline())
        store = bench.store(dataset)
        case = next(c for c in store.dataset.cases if c.patient in bench.split(dataset, 0).test)
        for path in draw_case(bench, case.name, 0, rows, work / "pictures"):
            kind = path.stem.rsplit("_", 1)[1]
            path.replace(PICTURES / f"methods-{dataset}-{kind}.png")


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    PICTURES.mkdir(exist_ok=True)
    main(ROOT / "runs" / "pictures")
