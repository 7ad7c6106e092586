"""Weights of some minutes of training, so that a mask has the outline of a heart and is not noise.

    ENVIRONMENT/bin/python benchmarks/peers/nnunet_briefly_trained.py --work FOLDER --out FOLDER [--steps N]

Run with the peer's own Python, after ``nnunet_untrained.py`` has made its work folder. The plan is nnU-Net's,
with an eighth of the features, so that a CPU trains it in minutes; network, first weights, preparation of
images and loss are nnU-Net's own. Batches are crops about the heart. The checkpoints serve to compare two
programs that run the same weights, and for nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

NAME = "Dataset027_ACDC"
PLANS = "nnUNetPlans"
#: Of crops, in the network's voxels.
CROPS = {"2d": (128, 128), "3d_fullres": (8, 64, 64)}
CASES = 4
#: How many times fewer features a network has than the plan says.
NARROWER = 8


def narrow(work: Path, out: Path) -> None:
    """Write the plan with narrower networks, where nnU-Net looks for it."""
    there, here = work / "preprocessed" / NAME, out / "preprocessed" / NAME
    here.mkdir(parents=True, exist_ok=True)
    for file in there.glob("*.json"):
        shutil.copyfile(file, here / file.name)
    plans = json.loads((there / f"{PLANS}.json").read_text(encoding="utf-8"))
    for configuration in CROPS:
        options = plans["configurations"][configuration]["architecture"]["arch_kwargs"]
        options["features_per_stage"] = [count // NARROWER for count in options["features_per_stage"]]
    (here / f"{PLANS}.json").write_text(json.dumps(plans, indent=1), encoding="utf-8")


def trainer_of(configuration: str) -> Any:
    """nnU-Net's trainer with first weights."""
    from nnunetv2.run.run_training import get_trainer_from_args

    trainer = get_trainer_from_args("27", configuration, 0, device=torch.device("cpu"))
    with mock.patch("nnunetv2.training.nnUNetTrainer.nnUNetTrainer.infer_dataset_class"):
        trainer.initialize()
    trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size()
    trainer.network.decoder.deep_supervision = False
    return trainer


def prepared(trainer: Any, raw: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Images and masks as nnU-Net prepares them."""
    found = []
    for mask in sorted((raw / "labelsTr").glob("*.nii.gz"))[100 : 100 + CASES]:
        image = raw / "imagesTr" / mask.name.replace(".nii.gz", "_0000.nii.gz")
        process = trainer.configuration_manager.preprocessor_class(verbose=False)
        data, seg, _ = process.run_case(
            [str(image)],
            str(mask),
            trainer.plans_manager,
            trainer.configuration_manager,
            trainer.dataset_json,
        )
        found.append((data[0], np.maximum(seg[0], 0)))
    return found


def batch(
    cases: list[tuple[np.ndarray, np.ndarray]], crop: tuple[int, ...], generator: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two crops about voxels of the heart."""
    images, masks = [], []
    for _ in range(2):
        data, seg = cases[generator.integers(len(cases))]
        where = np.argwhere(seg > 0)
        middle = where[generator.integers(len(where))]
        if len(crop) == 2:
            data, seg, middle = data[middle[0]], seg[middle[0]], middle[1:]
        missing = [max(0, c - n) for c, n in zip(crop, data.shape, strict=True)]
        pad = [(m // 2, m - m // 2) for m in missing]
        data, seg = np.pad(data, pad), np.pad(seg, pad)
        start = [
            int(np.clip(m + p[0] - c // 2, 0, n - c))
            for m, p, c, n in zip(middle, pad, crop, data.shape, strict=True)
        ]
        place = tuple(slice(s, s + c) for s, c in zip(start, crop, strict=True))
        images.append(data[place])
        masks.append(seg[place])
    return (
        torch.from_numpy(np.stack(images)[:, None].astype(np.float32)),
        torch.from_numpy(np.stack(masks)[:, None].astype(np.int64)),
    )


def train(configuration: str, work: Path, out: Path, steps: int) -> None:
    """Train one configuration, and save its checkpoint as nnU-Net does."""
    trainer = trainer_of(configuration)
    cases = prepared(trainer, work / "raw" / NAME)
    generator = np.random.default_rng(0)
    trainer.network.train()
    loss_of = trainer.loss.loss if hasattr(trainer.loss, "loss") else trainer.loss
    optimiser = torch.optim.Adam(trainer.network.parameters(), lr=1e-3)
    for step in range(steps):
        image, mask = batch(cases, CROPS[configuration], generator)
        optimiser.zero_grad()
        loss = loss_of(trainer.network(image), mask)
        loss.backward()
        optimiser.step()
        if step % 10 == 0:
            print(f"{configuration} step {step}: loss {loss.item():.3f}", flush=True)
    folder = out / "results" / NAME / f"nnUNetTrainer__{PLANS}__{configuration}"
    (folder / "fold_0").mkdir(parents=True, exist_ok=True)
    for name, content in (("plans", trainer.plans_manager.plans), ("dataset", trainer.dataset_json)):
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    trainer.save_checkpoint(str(folder / "fold_0" / "checkpoint_final.pth"))


def main() -> None:
    """Train both configurations."""
    parser = argparse.ArgumentParser(description="Weights of some minutes of training.")
    parser.add_argument("--work", type=Path, required=True, help="Of nnunet_untrained.py.")
    parser.add_argument("--out", type=Path, required=True, help="Folder for the new work folder.")
    parser.add_argument("--steps", type=int, default=300, help="Of each configuration.")
    parser.add_argument("--configuration", choices=tuple(CROPS), action="append", help="All by default.")
    chosen = parser.parse_args()
    work, out = chosen.work.resolve(), chosen.out.resolve()
    narrow(work, out)
    for part, folder in (("raw", work), ("preprocessed", out), ("results", out)):
        os.environ[f"nnUNet_{part}"] = str(folder / part)
    torch.manual_seed(0)
    for configuration in chosen.configuration or CROPS:
        train(configuration, work, out, chosen.steps)


if __name__ == "__main__":
    main()
