"""Time from the last image of a study to its results in a real Orthanc, with the shipped model.

    python benchmarks/node_latency.py --out benchmarks/results/node_latency.json

A phantom of 10 slices and 30 phases, 300 images, is sent by C-STORE to Orthanc or to the node. The clock
starts when the last image is acknowledged and stops when Orthanc lists all five results. The quiet time, a
setting, is part of it. ``processor_time`` is that of all threads of the node: on a busy machine it bounds
what a quiet one would take. It needs Orthanc and the environment for development.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from septum.inference import ModelOptions
from septum.node.service import running
from septum.node.worker import ModelSegmenter
from septum.phantom import PhantomSettings, beating_heart
from support.dicom_study import Sheet, flat, images
from support.node_parts import send, settings_of, wait_for
from support.orthanc import orthanc_at

if TYPE_CHECKING:
    from support.orthanc import Orthanc

SLICES, PHASES, MATRIX, PIXEL_MM = 10, 30, 192, 1.5
RESULTS = 5
PATIENCE_S = 900.0


def phantom(study: str) -> list[Any]:
    """Images of a cine of 10 slices and 30 phases."""
    settings = PhantomSettings(frames=PHASES, slices=SLICES, matrix=(MATRIX, MATRIX), in_plane_mm=PIXEL_MM)
    array = beating_heart(np.random.default_rng(7), settings).cine.array.astype(np.uint16)
    objects = flat(images(array, Sheet(pixel_mm=(PIXEL_MM, PIXEL_MM)), uid=study))
    for one in objects:
        one.StudyInstanceUID, one.SeriesInstanceUID = study, f"{study}.5"
    return objects


def measured(pacs: Orthanc, objects: list[Any], settings: Any, *, by_way_of: str) -> dict[str, float]:
    """Seconds of one study, as a whole and by step."""
    segmenter = ModelSegmenter("cine", ModelOptions(threads=settings.segmenting.threads))
    with running(settings, [segmenter]) as node:
        if node.pollers:
            wait_for(lambda: node.pollers[0].answered_at)
        segmenter.wait_for_model()
        port, called = (pacs.dicom, "PACS") if by_way_of == "orthanc" else (node.listener.port, "SEPTUM")
        began = time.time()
        if set(send(port, objects, called=called)) != {0}:
            raise SystemExit("an image was not taken")
        last, used = time.time(), time.process_time()
        wait_for(lambda: len(pacs.results()) == RESULTS, "results", PATIENCE_S)
        total, used = time.time() - last, time.process_time() - used
        times = {state.value: at for at, state, _ in node.store.history(1)}
    return {
        "sending_to_the_node_or_orthanc": last - began, "total": total,
        "processor_time": used,
        "until_complete": times["queued"] - last, "segmenting_and_writing": times["done"] - times["running"],
        "sending_back": times["sent"] - times["done"],
    }  # fmt: skip


@click.command()
@click.option("--quiet-s", default=2.0, show_default=True, help="The node's quiet time.")
@click.option("--threads", default=2, show_default=True, help="Of the engine.")
@click.option("--out", type=click.Path(path_type=Path), help="File for the result, as JSON.")
def main(quiet_s: float, threads: int, out: Path | None) -> None:
    """Measure the time from the last image to the results in Orthanc."""
    result: dict[str, Any] = {
        "machine": platform.processor() or platform.machine(), "cores": len(os.sched_getaffinity(0)),
        "load_before": round(os.getloadavg()[0], 2), "threads": threads, "images": SLICES * PHASES,
        "matrix": MATRIX, "quiet_s": quiet_s, "written": datetime.now().astimezone().date().isoformat(),
    }  # fmt: skip
    for way in ("orthanc", "c-store"):
        with tempfile.TemporaryDirectory() as name, orthanc_at(Path(name) / "orthanc") as pacs:
            changes: dict[str, Any] = {
                "send": [pacs.destination], "complete": {"quiet_s": quiet_s},
                "segmenting": {"models": ["cine"], "threads": threads},
            }  # fmt: skip
            if way == "orthanc":
                changes |= {"receive": None, "orthanc": [{**pacs.source, "poll_s": 1.0}]}
            settings = settings_of(Path(name), **changes)
            seconds = measured(pacs, phantom("1.2.3.99"), settings, by_way_of=way)
        result[way] = {step: round(value, 2) for step, value in seconds.items()}
        click.echo(f"{way}: {result[way]}", err=True)
    text = json.dumps(result, indent=2)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
