"""Score the shipped model ``la`` on its test patients turned by right angles, mirrored and upside down.

    python tools/score_turned.py --data DATA

Writes ``studies/production/la/turned.csv``, a line for each patient and change. The header is not
given to the model, as where a conversion lost it. ``make tables`` makes the table on the page of the
production models.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from septum.datasets import REGISTRY, load_split
from septum.inference import load_model
from septum.methods.samples import read_case
from septum.metrics import dice
from septum.metrics.scores_file import write_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

RESULTS = Path(__file__).resolve().parents[1] / "studies" / "production" / "la" / "turned.csv"
#: Changes of an array (Z, Y, X), by their names in the table.
CHANGES: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "none": lambda array: array,
    "turned by 90°": lambda array: np.rot90(array, 1, (1, 2)),
    "turned by 180°": lambda array: np.rot90(array, 2, (1, 2)),
    "turned by 270°": lambda array: np.rot90(array, 3, (1, 2)),
    "mirrored along x": lambda array: np.flip(array, 2),
    "mirrored along y": lambda array: np.flip(array, 1),
    "slices reversed": lambda array: np.flip(array, 0),
}


@click.command()
@click.option("--data", required=True, envvar="SEPTUM_DATA", type=click.Path(path_type=Path, exists=True))
def main(data: Path) -> None:
    """Score the model on turned and mirrored atria."""
    model, dataset = load_model("la"), REGISTRY["lasc"].load(data)
    rows: list[dict[str, object]] = []
    for case in dataset.of(set(load_split("lasc").test)):
        native = read_case(case, dataset)
        z_mm, y_mm, x_mm = native.volume.geometry.spacing_mm
        for name, change in CHANGES.items():
            swapped = name in ("turned by 90°", "turned by 270°")
            spacing_mm = (z_mm, x_mm, y_mm) if swapped else (z_mm, y_mm, x_mm)
            array = np.ascontiguousarray(change(native.volume.array))
            found = model.segment(array, spacing_mm=spacing_mm).labels[0]
            overlap = dice(found > 0, change(native.labels) > 0)
            rows.append({"patient": case.patient, "change": name, "dice": round(overlap or 0.0, 5)})
        click.echo(case.patient)
    write_rows(RESULTS, rows)


if __name__ == "__main__":
    main()
