"""Whether an imported nnU-Net makes nnU-Net's masks: both on the same volumes, with the same weights.

    python benchmarks/peers/nnunet_same_mask.py --data ~/data/acdc [--environment FOLDER] [--work FOLDER]

Run with Septum's Python, where torch and nnU-Net's architectures are installed, too. nnU-Net predicts in an
environment of its own (``make_nnunet.sh``), from the plan and the weights in a work folder, of
``nnunet_briefly_trained.py``. Masks of untrained weights are noise, where the last digits of float32 decide
about many voxels: with them, masks of two engines differ by themselves. So each volume is also segmented
with torch in place of the graph: that mask differs from nnU-Net's only by what is done before and after it.

Writes ``benchmarks/results/nnunet_same_mask.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
from nnunet import CACHE, Mode, Peer, command, environment

from septum.inference import load_model
from septum.io import read_study
from septum.training.nnunet_import import ImportOptions, import_nnunet, volume_network
from septum.training.nnunet_results import Results

if TYPE_CHECKING:
    import numpy as np

#: Two patients' frames with other spacings and numbers of slices than the third.
CASES = ("patient001/patient001_frame01", "patient041/patient041_frame11", "patient081/patient081_frame07")
CONFIGURATIONS = ("2d", "3d_fullres")
RESULTS = Path(__file__).parents[1] / "results" / "nnunet_same_mask.json"
MOST_LACKING = 0.001


def volumes(data: Path) -> list[Path]:
    """The frames to segment; of a patient without that frame, the first that there is."""
    found = []
    for case in CASES:
        path = data / "training" / f"{case}.nii.gz"
        first = sorted(path.parent.glob("*_frame??.nii.gz"))
        found.append(path if path.is_file() else first[0])
    return found


def by_nnunet(peer: Peer, configuration: str, images: list[Path], folder: Path) -> list[Path]:
    """Masks as nnU-Net's own command writes them, without mirror images."""
    given, masks = folder / "images", folder / "masks"
    given.mkdir(parents=True)
    for number, image in enumerate(images):
        (given / f"case{number}_0000.nii.gz").symlink_to(image.absolute())
    asked = command(peer, Mode(configuration, mirroring=False), given, masks)
    subprocess.run(asked, check=True, env=environment(peer, os.environ), stdout=subprocess.DEVNULL)  # noqa: S603
    return [masks / f"case{number}.nii.gz" for number in range(len(images))]


class TorchEngine:
    """Computes the network by torch, in place of the bundle's graph."""

    multiple = (1, 1, 1)

    def __init__(self, folder: Path) -> None:
        results = Results.of(folder, {})
        (checkpoint,) = results.folds((), "final").values()
        self.network = volume_network(results, checkpoint)

    def run(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """See :class:`septum.inference.engine.Engine`."""
        with torch.inference_mode():
            return {"logits": self.network(torch.from_numpy(image)).numpy()}


def dice(one: np.ndarray, other: np.ndarray, value: int) -> float | None:
    """Overlap of one structure; ``None`` where neither mask has it."""
    a, b = one == value, other == value
    total = int(a.sum()) + int(b.sum())
    return None if total == 0 else 2 * int((a & b).sum()) / total


def compared(peer: Peer, configuration: str, images: list[Path]) -> list[dict[str, Any]]:
    """One row for each volume: Dice of each structure, and the share of voxels that differ."""
    results = next((peer.work / "results").glob(f"Dataset*/nnUNetTrainer__nnUNetPlans__{configuration}"))
    rows = []
    with tempfile.TemporaryDirectory(prefix="septum-peer-") as scratch:
        bundle = Path(scratch) / "bundle"
        manifest = import_nnunet(results, bundle, ImportOptions())
        model, torch_model = load_model(bundle), load_model(bundle)
        torch_model.method.engines = [TorchEngine(results)]
        masks = by_nnunet(peer, configuration, images, Path(scratch))
        for image, mask in zip(images, masks, strict=True):
            theirs = read_study(mask, allow_mask=True).cine.array[0]
            cine = read_study(image).cine
            ours = next(iter(model.segment_frames(cine))).labels
            by_torch = next(iter(torch_model.segment_frames(cine))).labels
            of_each = {one.name: dice(ours, theirs, one.value) for one in manifest.labels.structures}
            rows.append(
                {
                    "configuration": configuration,
                    "case": image.name.removesuffix(".nii.gz"),
                    "dice": {k: None if v is None else round(v, 6) for k, v in of_each.items()},
                    "differing_voxels": int((ours != theirs).sum()),
                    "differing_voxels_with_torch": int((by_torch != theirs).sum()),
                    "voxels": int(theirs.size),
                    "labelled_share": round(float((theirs > 0).mean()), 4),
                }
            )
            print(json.dumps(rows[-1]))
    return rows


def kept(made_with: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of an earlier comparison of the same weights by the same versions."""
    if not RESULTS.is_file():
        return []
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found["rows"] if all(found.get(key) == value for key, value in made_with.items()) else []


def main() -> int:
    """Compare, write the results, and fail where a mask differs by more than a thousandth of Dice."""
    parser = argparse.ArgumentParser(description="Masks of an imported nnU-Net against nnU-Net's own.")
    parser.add_argument("--data", type=Path, required=True, help="ACDC: the folder that holds training/.")
    parser.add_argument("--environment", type=Path, default=CACHE / "nnunet", help="Of nnU-Net.")
    parser.add_argument("--work", type=Path, default=CACHE / "nnunet-narrow", help="With plan and weights.")
    parser.add_argument("--configuration", choices=CONFIGURATIONS, action="append", help="All by default.")
    parser.add_argument("--weights", default="briefly trained", help="Which these are, for the results.")
    chosen = parser.parse_args()
    peer = Peer(chosen.environment, chosen.work)
    images = volumes(chosen.data)
    made_with = {
        "command": "python benchmarks/peers/nnunet_same_mask.py --data DATA",
        "weights": chosen.weights,
        "versions": {name: version(name) for name in ("septum", "openvino", "torch", "numpy", "scipy")},
        "python": platform.python_version(),
    }
    asked = chosen.configuration or CONFIGURATIONS
    rows = [row for row in kept(made_with) if row["configuration"] not in asked]
    rows += [row for name in asked for row in compared(peer, name, images)]
    least = min(value for row in rows for value in row["dice"].values() if value is not None)
    told = {**made_with, "least_dice": least, "rows": rows}
    RESULTS.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(f"least Dice {least:.6f}")
    return int(least < 1 - MOST_LACKING)


if __name__ == "__main__":
    sys.exit(main())
