"""The speed of Septum on this machine, beside its peers in the same run.

``make bench`` runs it and writes ``benchmarks/results/suite.json``; ``make tables`` turns that into the page
on speed. Without ``--data`` volumes are phantoms, and accuracy and nnU-Net are left out; without nnU-Net's
environment (``benchmarks/peers``) only nnU-Net is.
"""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click
import openvino
from footprint import disk_bytes
from frame_time_result import Spread, bundle_facts, machine_facts
from inside import accuracy, inside
from peers import nnunet
from processes import (
    CINE_FRAMES,
    SHAPE,
    Command,
    command_times,
    folder_times,
    frame_seconds,
    phantom,
    process_times,
    scaling,
    scratch,
    uncompiled_times,
)
from suite_result import Folder, Peer, ProcessTimes, Suite
from work import best_gflops

from septum.core.files import write_text
from septum.datasets import REGISTRY, load_split
from septum.inference import open_bundle
from septum_study.bench import commit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RESULT = Path(__file__).parent / "results" / "suite.json"
LIBRARIES = ("septum", "numpy", "scipy", "openvino", "onnxruntime", "torch")
FOLDER, LARGE_FOLDER = 20, 100
#: What a program that segments has to import and compile before it can.
LOADED = (
    "from septum.workflows.segment import segment_inputs; from septum.workflows.lazy_model import LazyModel; "
    "import septum.io.nifti; LazyModel('cine').loaded"
)


def volumes(data: Path | None, folder: Path, count: int) -> list[Path]:
    """So many end-diastolic volumes, one a patient; of ACDC's test patients first. Or phantoms.

    The first has SHAPE.
    """
    if data is None:
        image = phantom(folder / "phantom.nii.gz", 1, SHAPE)
        copies = [folder / f"phantom{i:03d}.nii.gz" for i in range(count)]
        for copy in copies:
            copy.write_bytes(image.read_bytes())
        image.unlink()
        return copies
    dataset, test = REGISTRY["acdc"].load(data), set(load_split("acdc").test)
    images = {case.patient: case.image for case in dataset.cases if case.phase == "ED"}
    ordered = sorted(images, key=lambda patient: (patient not in test, patient))
    return [images[patient] for patient in ordered[:count]]


def sized(data: Path | None, folder: Path) -> Path:
    """A volume of SHAPE: ACDC's patient001, or a phantom."""
    if data is None:
        return phantom(folder / "one.nii.gz", 1, SHAPE)
    return next(
        c.image for c in REGISTRY["acdc"].load(data).cases if (c.patient, c.phase) == ("patient001", "ED")
    )


def peer_times(peer: nnunet.Peer, mode: str, image: Path, images: Sequence[Path], repeats: int) -> Peer:
    """nnU-Net on the volume and, if there is one, on the folder."""
    runs = [nnunet.segment(peer, nnunet.MODES[mode], [image], memory=False) for _ in range(repeats)]
    watched = nnunet.segment(peer, nnunet.MODES[mode], [image], memory=True)
    folder = None
    if images:
        run = nnunet.segment(peer, nnunet.MODES[mode], images, memory=False)
        folder = Folder(
            volumes=len(images),
            warm_s=Spread.of([nnunet.warm_s(run)]),
            wall_s=Spread.of([run.cost.wall_s]),
        )
    return Peer(
        configuration=nnunet.MODES[mode].configuration,
        mirroring=nnunet.MODES[mode].mirroring,
        volume=ProcessTimes(
            wall_s=Spread.of([run.cost.wall_s for run in runs]),
            peak_mb=round(watched.cost.peak_bytes / 1e6, 1),
        ),
        folder=folder,
    )


def has_bf16() -> bool:
    """Whether the processor multiplies in bfloat16."""
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def measure(
    runtime: Path, data: Path | None, peer: nnunet.Peer | None, repeats: int, *, with_scaling: bool,
    say: Callable[[str], None],
) -> Suite:  # fmt: skip
    """Everything, the quick parts first; a line before each."""
    machine, bf16 = machine_facts(), has_bf16()
    septum, python = str(runtime / "bin" / "septum"), str(runtime / "bin" / "python")
    command = Command((septum, "segment"))
    beside = {
        "openvino": command,
        "onnxruntime": Command((sys.executable, "-m", "septum", "segment", "--engine", "onnxruntime")),
        "torch": Command((sys.executable, str(Path(__file__).with_name("torch_path.py")))),
    }
    if bf16:
        beside["openvino, bf16"] = Command((septum, "segment", "--precision", "bf16"))
    with scratch() as folder:
        image, images = sized(data, folder), volumes(data, folder, LARGE_FOLDER)
        say("imports")
        imports = {
            "septum --help": command_times([septum, "--help"], repeats),
            "import septum": command_times([python, "-c", "import septum"], repeats),
            "imports and compilation": command_times([python, "-c", LOADED], repeats),
            "imports and compilation, nothing compiled before": uncompiled_times([python, "-c", LOADED], 3),
        }
        say("one volume")
        volume = {name: process_times(way, image, repeats) for name, way in beside.items()}
        if peer is not None:
            say("nnU-Net")
            nnunet.prepare(peer, data / "acdc" if data is not None else Path())
            nnunet.segment(peer, nnunet.MODES["2d"], [image], memory=False)  # brings its files into memory
            peers = [
                peer_times(peer, "2d", image, images[:FOLDER], 3),
                peer_times(peer, "3d", image, [], 1),
            ]
        say("a cine")
        cine_file = phantom(folder / "cine.nii.gz", CINE_FRAMES, SHAPE)
        cine = process_times(command, cine_file, min(repeats, 5))
        first, others = frame_seconds(command, cine_file)
        say("a folder")
        of_folder = folder_times(command, images[:FOLDER], 3)
        rate = best_gflops()
        of_inside = {"openvino": inside(images[:LARGE_FOLDER])}
        if bf16:
            of_inside["openvino, bf16"] = inside(images[:FOLDER], precision="bf16")
        say("accuracy")
        scores = None
        if data is not None:
            scores = accuracy(REGISTRY["acdc"].load(data), load_split("acdc").test, bf16=bf16)
    say("scaling")
    return Suite(
        machine=machine,
        python=platform.python_version(),
        commit=commit(),
        versions={name: version(name) for name in LIBRARIES},
        bundle=bundle_facts(open_bundle("cine")),
        environment_mb=round(disk_bytes(runtime) / 1e6, 1),
        best_gflops=round(rate, 1),
        imports_s=imports,
        volume=volume,
        cine=cine,
        cine_first_frame_s=first,
        cine_frame_s=others,
        folder=of_folder,
        inside=of_inside,
        accuracy=scores,
        peers=[] if peer is None else peers,
        peer_facts={} if peer is None else nnunet.facts(peer),
        scaling=scaling(command, len(os.sched_getaffinity(0))) if with_scaling else [],
    )


@click.command()
@click.option(
    "--runtime", type=click.Path(exists=True, path_type=Path), default=Path(".venv"), show_default=True,
    help="Virtual environment with what pip install septum brings, and no more.",
)  # fmt: skip
@click.option(
    "--data", type=click.Path(exists=True, path_type=Path), envvar="SEPTUM_DATA",
    help="Folder that holds acdc/training.",
)  # fmt: skip
@click.option(
    "--peer", "environment", type=click.Path(path_type=Path), default=nnunet.CACHE / "nnunet",
    show_default=True, help="nnU-Net's virtual environment.",
)  # fmt: skip
@click.option(
    "--peer-work", type=click.Path(path_type=Path), default=nnunet.CACHE / "nnunet-work", show_default=True,
    help="Folder of nnU-Net's plan and weights.",
)  # fmt: skip
@click.option("--scaling/--no-scaling", "with_scaling", default=True, show_default=True)
@click.option("--repeats", type=click.IntRange(min=2), default=9, show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), default=RESULT)
def main(
    runtime: Path, data: Path | None, environment: Path, peer_work: Path, *, with_scaling: bool, repeats: int,
    output: Path,
) -> None:  # fmt: skip
    """Measure, and write the result as JSON."""
    peer = None
    if data is not None and (environment / "bin" / "nnUNetv2_predict").is_file():
        peer = nnunet.Peer(environment, peer_work)
    result = measure(
        runtime.absolute(), data, peer, repeats, with_scaling=with_scaling,
        say=lambda text: click.echo(f"... {text}", err=True),
    )  # fmt: skip
    output.parent.mkdir(parents=True, exist_ok=True)
    write_text(output, result.model_dump_json(indent=2) + "\n")
    click.echo(f"written to {output}")


if __name__ == "__main__":
    main()
