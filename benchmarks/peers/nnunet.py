"""nnU-Net at work on the same machine: its own command as a whole process, on one volume or on a folder.

Needs nothing but the standard library; nnU-Net is in an environment of its own (``make_nnunet.sh``), and the
plan and the weights that it runs with are in a work folder (``nnunet_untrained.py``).
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from footprint import Cost, cost_of, disk_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VERSION = "2.8.1"
CACHE = Path.home() / ".cache" / "septum-bench"
UNTRAINED = Path(__file__).with_name("nnunet_untrained.py")
#: What a caller's shell may have set and nnU-Net would heed; without them it decides for itself.
REMOVED = ("GOMP_", "KMP_", "MKL_", "NUMEXPR_", "OMP_", "OPENBLAS_", "PYTHON", "VIRTUAL_ENV", "nnUNet_")
FACTS = """
import json, os, platform
from importlib.metadata import version
import torch
from nnunetv2.configuration import default_num_processes
print(json.dumps({
    "python": platform.python_version(),
    "versions": {name: version(name) for name in ("nnunetv2", "torch", "numpy", "SimpleITK")},
    "torch_build": torch.__version__,
    "torch_cuda": torch.version.cuda,
    "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    "threads": min(os.cpu_count(), default_num_processes),
}))
"""


@dataclass(frozen=True)
class Mode:
    """A configuration of nnU-Net's plan, and whether it averages over mirror images (its default)."""

    configuration: str
    mirroring: bool


MODES = {"2d": Mode("2d", mirroring=False), "3d": Mode("3d_fullres", mirroring=True)}


@dataclass(frozen=True)
class Peer:
    """Where nnU-Net is.

    Attributes:
        environment: its virtual environment.
        work: folder of the plan and the weights.
    """

    environment: Path = CACHE / "nnunet"
    work: Path = CACHE / "nnunet-work"

    def program(self, name: str) -> str:
        """Path of a program of the environment."""
        return str(self.environment.absolute() / "bin" / name)


@dataclass(frozen=True)
class Run:
    """Of one ``nnUNetv2_predict``.

    Attributes:
        cost: of the whole process, with its start and the processes that it starts.
        masks_s: seconds from the start until each mask was last written to, ascending.
    """

    cost: Cost
    masks_s: tuple[float, ...]


def command(peer: Peer, mode: Mode, images: Path, masks: Path) -> list[str]:
    """nnU-Net's command on a folder; everything that is not named is left at nnU-Net's default."""
    named = {"-i": images, "-o": masks, "-d": 27, "-c": mode.configuration, "-f": 0, "-device": "cpu"}
    options = [str(part) for pair in named.items() for part in pair]
    return [peer.program("nnUNetv2_predict"), *options, *([] if mode.mirroring else ["--disable_tta"])]


def environment(peer: Peer, inherited: Mapping[str, str]) -> dict[str, str]:
    """The peer's environment variables: the inherited ones but for ``REMOVED``, and its three folders."""
    kept = {name: value for name, value in inherited.items() if not name.startswith(REMOVED)}
    return kept | {f"nnUNet_{name}": str(peer.work / name) for name in ("raw", "preprocessed", "results")}


def prepare(peer: Peer, data: Path) -> None:
    """Make plan and weights from ACDC below ``data``, unless they are there.

    Raises:
        subprocess.CalledProcessError: they could not be made; the reason is on standard error.
    """
    made = [peer.program("python"), str(UNTRAINED), "--data", str(data), "--work", str(peer.work)]
    subprocess.run(made, check=True, env=environment(peer, os.environ))  # noqa: S603 (our own script)


def segment(peer: Peer, mode: Mode, volumes: Sequence[Path], *, memory: bool = True) -> Run:
    """Segment volumes with one ``nnUNetv2_predict``, which is also how nnU-Net segments a folder.

    Args:
        peer: that has been prepared.
        mode: one of ``MODES``.
        volumes: NIfTI files, ``.nii.gz``.
        memory: whether to watch the memory, see ``cost_of``.

    Raises:
        RuntimeError: nnU-Net failed, or did not write a mask for each volume.
    """
    with tempfile.TemporaryDirectory(prefix="septum-bench-") as folder:
        images, masks = Path(folder, "images"), Path(folder, "masks")
        images.mkdir()
        for number, volume in enumerate(volumes):
            (images / f"case{number:03d}_0000.nii.gz").symlink_to(volume.absolute())
        started = time.time()
        output = Path(folder, "output.txt")
        asked = command(peer, mode, images, masks)
        cost = cost_of(asked, output, environment(peer, os.environ), memory=memory)
        written = sorted(mask.stat().st_mtime - started for mask in masks.glob("case*.nii.gz"))
    if len(written) != len(volumes):
        raise RuntimeError(f"nnU-Net wrote {len(written)} masks of {len(volumes)} volumes.")
    return Run(cost, tuple(written))


def warm_s(run: Run) -> float:
    """Seconds per volume once nnU-Net is at work: from the first mask to the last, over the other masks.

    The start of the process and of its workers, the loading of the weights, the first volume and the end of
    the process are left out; that it prepares the next volumes and writes the masks before while a volume is
    in the network is in.

    Raises:
        ValueError: the run has fewer than two masks.
    """
    if len(run.masks_s) < 2:
        raise ValueError(f"expected a run over two volumes or more, got {len(run.masks_s)}.")
    return (run.masks_s[-1] - run.masks_s[0]) / (len(run.masks_s) - 1)


def facts(peer: Peer) -> dict[str, Any]:
    """Versions, build of torch, threads of the network, size of environment and weights on disk."""
    asked = subprocess.run(  # noqa: S603 (our own question)
        [peer.program("python"), "-c", FACTS],
        check=True,
        capture_output=True,
        text=True,
        env=environment(peer, os.environ),
    )
    told: dict[str, Any] = json.loads(asked.stdout.splitlines()[-1])
    checkpoints = sorted(peer.work.glob("results/*/*/fold_0/*.pth"))
    weights = {file.parents[1].name: file.stat().st_size for file in checkpoints}
    return told | {"environment_bytes": disk_bytes(peer.environment), "weights_bytes": weights}
