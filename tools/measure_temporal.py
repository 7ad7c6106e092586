"""Measure what making frames consistent in time does to volume curves, on beating phantoms.

    python tools/measure_temporal.py

Writes ``studies/indices/temporal.csv``: roughness of each volume curve, ejection fractions and Dice
against the truth of every frame, with and without it. ``make tables`` makes the table of it.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from septum.core import Segmentation
from septum.core.files import write_text
from septum.indices import clinical_indices, curve_roughness
from septum.inference import load_model
from septum.metrics import dice
from septum.phantom import PhantomSettings, beating_heart

if TYPE_CHECKING:
    from septum.inference import Model
    from septum.phantom import Phantom

RESULT = Path(__file__).resolve().parents[1] / "studies" / "indices" / "temporal.csv"
SEEDS = range(8)
SETTINGS = PhantomSettings(frames=25, slices=9, matrix=(160, 160), in_plane_mm=1.7)
COLUMNS = ("seed", "frames", "structure", "roughness", "ef_percent", "dice")


def rows_of(seed: int, frames: str, found: Segmentation, phantom: Phantom) -> list[dict[str, Any]]:
    """A row for each structure of a mask of the phantom's frames."""
    indices = clinical_indices(found)
    fractions = {item.key: item.value for item in indices.items}
    rows = []
    for structure in found.schema.structures:
        pairs = zip(found.labels == structure.value, phantom.truth.labels == structure.value, strict=True)
        rows.append(
            {
                "seed": seed,
                "frames": frames,
                "structure": structure.name,
                "roughness": round(curve_roughness(indices.volumes_ml[structure.name]), 5),
                "ef_percent": fractions.get(f"{structure.name.lower()}_ef_percent"),
                "dice": round(float(np.mean([dice(one, true) or 0.0 for one, true in pairs])), 5),
            }
        )
    return rows


def measure(model: Model, seed: int) -> list[dict[str, Any]]:
    """Rows of one phantom: each frame alone, consistent in time, and the truth."""
    phantom = beating_heart(np.random.default_rng(seed), SETTINGS)
    rows = rows_of(seed, "truth", phantom.truth, phantom)
    for name, smooth in (("alone", False), ("consistent", True)):
        labels = np.stack([f.labels for f in model.segment_frames(phantom.cine, smooth=smooth)])
        found = Segmentation(labels, phantom.cine.geometry, phantom.truth.schema)
        rows += rows_of(seed, name, found, phantom)
    return rows


@click.command()
def main() -> None:
    """Measure and write."""
    model = load_model("cine")
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for seed in SEEDS:
        writer.writerows(measure(model, seed))
    write_text(RESULT, text.getvalue())


if __name__ == "__main__":
    main()
