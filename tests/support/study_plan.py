"""Units of a study made up for its plan: no training, no results but where a test writes them."""

import torch

from septum.core import PartReport
from septum.training.parts import VERSION
from septum_study.declaration import Declaration
from septum_study.ledger import Entry, Unit
from septum_study.plan import Standing

CPU = torch.device("cpu")


def study_of(*keys, folds=2, split="published", order="folds"):
    """A study of the paper's rows of these keys, with their recipes."""
    rows = [
        {
            "key": key, "recipe": f"paper/{key}", "label": key.title(), "dataset": key.split("-")[0],
            "filters": 32 if key.startswith("acdc") else 16 if "yang" in key or key.endswith("16") else 8,
            "tables": ["3"], "origin": "added",
        }
        for key in keys
    ]  # fmt: skip
    declared = {
        "name": "small", "title": "A small study", "split": split, "folds": folds, "order": order,
        "rows": rows, "presentation": list(keys), "tables": {"3": {"title": "All"}},
    }  # fmt: skip
    return Declaration.model_validate(declared)


def entry_of(row, trained, fold=0, *, recipe_sha256="0", split_sha256="0", device="cpu", seconds=1.0):
    """An entry whose networks were trained as told: by name, how many epochs and what stopped them."""
    parts = tuple(
        PartReport(
            name=name, epochs=epochs, best_epoch=epochs, validation=0.9, seconds=seconds, stopped=stopped,
            parameters=10, made_by=f"{device}, torch 0, 0",
        )
        for name, (epochs, stopped) in trained.items()
    )  # fmt: skip
    return Entry(
        row=row, fold=fold, recipe_sha256=recipe_sha256, split_sha256=split_sha256, version=VERSION,
        data_sha256="0", results_sha256="", commit="0", septum="0", torch="0", device=device, seed=0,
        parts=parts, training_seconds=seconds * len(parts), scoring_seconds=1.0, peak_memory_mb=None,
    )  # fmt: skip


def standing_of(row, fold, state, entry=None):
    """Where a unit is said to stand."""
    return Standing(Unit(row, fold), state, entry)
