"""Time and memory of a node that takes studies of thousands of instances.

    python benchmarks/node_many.py --out benchmarks/results/node_many.json

A study of 5,000 instances is sent in one association: a cine of 300 images that is segmented, and tiny ones
of other series; then as many instances in 25 studies, mixed. The node runs in a process of its own, whose
memory is read after every 1,000 images. A stub that knows the answer takes the model's place. It needs the
environment for development (``tests/support``).
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import signal
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from septum.node.settings import NodeSettings
from septum.node.store import Store
from support.dicom_study import AXIAL, Sheet, flat, images
from support.node_parts import node_of, peer_at, send, settings_of, wait_for
from support.node_studies import cine

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_BLOCK = 1000
_PATIENCE_S = 900.0
_MB = 1e6


def study_of(study: str, instances: int) -> list[Any]:
    """A short-axis cine of at most 300 images, filled up with tiny axial ones."""
    found = cine(study, 30, 10) if instances >= 1000 else cine(study, 5, 6)
    step, series = 50, 100
    while len(found) < instances:
        shape = (1, min(step, instances - len(found)), 16, 16)
        tiny = images(np.zeros(shape, np.uint16), Sheet(AXIAL), series=series, uid=study)
        for one in flat(tiny):
            one.StudyInstanceUID, one.SeriesInstanceUID = study, f"{study}.{series}"
            found.append(one)
        series += 1
    return found


def run_node(settings: str, ready: Connection) -> None:
    """The process of the node."""
    with node_of(NodeSettings.model_validate_json(settings)) as node:
        ready.send(node.listener.port)
        signal.pause()


def memory_mb(process: int) -> float:
    """Memory of a process that lies in RAM."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / _MB


def processor_s(process: int) -> float:
    """Processor time of a process so far; a busy machine changes it little."""
    user, system = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def measure(folder: Path, objects: list[Any], studies: int) -> dict[str, Any]:
    """Send objects to a node, and wait until their studies are sent."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    with peer_at(folder / "pacs") as peer:
        settings = settings_of(folder, send=[peer.destination], complete={"quiet_s": 2.0, "patience_s": 60.0})
        process = context.Process(target=run_node, args=(settings.model_dump_json(), sender))
        process.start()
        try:
            port = receiver.recv()
            seconds, memory, used = [], [round(memory_mb(process.pid))], [processor_s(process.pid)]
            for start in range(0, len(objects), _BLOCK):
                began = time.perf_counter()
                statuses = send(port, objects[start : start + _BLOCK])
                seconds.append(round(time.perf_counter() - began, 1))
                memory.append(round(memory_mb(process.pid)))
                used.append(processor_s(process.pid))
                if set(statuses) != {0}:
                    raise SystemExit("an image was not taken")
                click.echo(f"{start + _BLOCK} images: {seconds[-1]} s, {memory[-1]} MB", err=True)
            began = time.perf_counter()
            store = Store(settings.data / "node.sqlite")
            wait_for(lambda: len(peer.got) == 5 * studies, "results", _PATIENCE_S)
            work_s = round(time.perf_counter() - began, 1)
            wait_for(lambda: {job.state.value for job in store.jobs()} == {"sent"}, "an end", _PATIENCE_S)
            kept = sum(len(store.instances(study)) for study in store.studies())
            store.close()
            memory.append(round(memory_mb(process.pid)))
        finally:
            process.terminate()
            process.join()
    return {
        "instances": len(objects), "studies": studies, "seconds_for_each_1000_images": seconds,
        "processor_seconds_for_each_1000_images": [round(float(one), 1) for one in np.diff(used)],
        "memory_mb_at_start_and_after_each_1000_and_at_the_end": memory, "instances_kept": kept,
        "seconds_from_the_last_image_to_the_last_result": work_s,
    }  # fmt: skip


@click.command()
@click.option("--instances", default=5000, show_default=True, type=click.IntRange(min=100))
@click.option("--out", type=click.Path(path_type=Path), help="File for the result, as JSON.")
def main(instances: int, out: Path | None) -> None:
    """Measure time and memory of a node that takes studies of thousands of instances."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        found["one_study"] = measure(Path(folder), study_of("1.2.3.91", instances), 1)
    with tempfile.TemporaryDirectory() as folder:
        each = [study_of(f"1.2.3.92.{number}", instances // 25) for number in range(1, 26)]
        mixed = [one for together in zip(*each, strict=True) for one in together]
        found["mixed_studies"] = measure(Path(folder), mixed, 25)
    about = {
        "machine": platform.platform(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
    }
    found |= {**about, "measured": datetime.now().astimezone().date().isoformat()}
    text = json.dumps(found, indent=2)
    click.echo(text)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
