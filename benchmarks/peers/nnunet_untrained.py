"""nnU-Net's plan for ACDC, and untrained weights in the form that a training leaves behind.

    ENVIRONMENT/bin/python benchmarks/peers/nnunet_untrained.py --data ~/data/acdc --work FOLDER

Run with the peer's own Python. The time of a prediction depends on plan and architecture, not on the values
of the weights. Data set, fingerprint, plan, architecture, first weights and checkpoint are made by nnU-Net's
own functions; no training data are prepared and nothing is trained. What is there already is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from unittest import mock

DATASET = 27
NAME = "Dataset027_ACDC"
PLANS = "nnUNetPlans"
CONFIGURATIONS = ("2d", "3d_fullres")
STAMP = "untrained.json"


def claim(work: Path, made_of: dict[str, object]) -> None:
    """Note in the work folder what it is made of, or stop if it is something else's."""
    stamp = work / STAMP
    if stamp.is_file():
        found = json.loads(stamp.read_text(encoding="utf-8"))
        if found != made_of:
            sys.exit(f"{work} was made of {found}, not of {made_of}; remove it, or give another --work.")
        return
    if work.exists() and any(work.iterdir()):
        sys.exit(f"{work}: expected an empty folder or one that this script has made; give another --work.")
    work.mkdir(parents=True, exist_ok=True)
    stamp.write_text(json.dumps(made_of, indent=2) + "\n", encoding="utf-8")


def make_raw(data: Path, folder: Path) -> None:
    """The raw data set as nnU-Net's conversion of ACDC has it, without test images.

    ``convert_acdc`` itself, of which these are the parts, fails in this version before it copies anything.
    """
    if (folder / "dataset.json").is_file():
        return
    from nnunetv2.dataset_conversion.Dataset027_ACDC import copy_files
    from nnunetv2.dataset_conversion.generate_dataset_json import generate_dataset_json

    shutil.rmtree(folder, ignore_errors=True)
    parts = [folder / name for name in ("imagesTr", "labelsTr", "imagesTs")]
    for part in parts:
        part.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as source:
        Path(source, "training").symlink_to((data / "training").resolve())
        Path(source, "testing").mkdir()
        cases = copy_files(Path(source), *parts)
    labels = {"background": 0, "RV": 1, "MLV": 2, "LVC": 3}
    generate_dataset_json(
        str(folder), {0: "cineMRI"}, labels, num_training_cases=cases, file_ending=".nii.gz"
    )


def make_plan(folder: Path) -> None:
    """Fingerprint and plan, each in a file of the preprocessed folder."""
    if (folder / f"{PLANS}.json").is_file():
        return
    from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprints, plan_experiments

    extract_fingerprints([DATASET], num_processes=os.cpu_count() or 1, clean=False)
    plan_experiments([DATASET])


def make_checkpoint(configuration: str, seed: int) -> None:
    """What a training of fold 0 leaves behind: plan, data set and ``checkpoint_final.pth``."""
    results = Path(os.environ["nnUNet_results"], NAME)  # noqa: SIM112 (its name)
    results /= f"nnUNetTrainer__{PLANS}__{configuration}"
    checkpoint = results / "fold_0" / "checkpoint_final.pth"
    if checkpoint.is_file():
        return
    import torch
    from nnunetv2.run.run_training import get_trainer_from_args

    torch.manual_seed(seed)
    trainer = get_trainer_from_args(str(DATASET), configuration, 0, device=torch.device("cpu"))
    # initialize looks at the prepared training data for their format, which nothing here needs.
    with mock.patch("nnunetv2.training.nnUNetTrainer.nnUNetTrainer.infer_dataset_class"):
        trainer.initialize()
    trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size()
    for weight in trainer.network.parameters():  # as after a first step; half of a checkpoint
        trainer.optimizer.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
    for name, content in (("plans", trainer.plans_manager.plans), ("dataset", trainer.dataset_json)):
        (results / f"{name}.json").write_text(json.dumps(content, indent=4), encoding="utf-8")
    unfinished = checkpoint.with_suffix(".unfinished")
    trainer.save_checkpoint(str(unfinished))
    unfinished.rename(checkpoint)


def main() -> None:
    """Make what is missing in the work folder."""
    parser = argparse.ArgumentParser(description="nnU-Net's plan for ACDC, and untrained weights.")
    parser.add_argument("--data", type=Path, required=True, help="ACDC: the folder that holds training/.")
    parser.add_argument("--work", type=Path, required=True, help="Folder for all that is made.")
    parser.add_argument("--seed", type=int, default=0, help="Of the weights.")
    chosen = parser.parse_args()
    data, work = chosen.data.resolve(), chosen.work.resolve()
    if not any(data.glob("training/patient*")):
        sys.exit(f"{data}: expected training/patientNNN of ACDC below it, found none; give ACDC's folder.")
    claim(work, {"nnunetv2": version("nnunetv2"), "seed": chosen.seed, "data": str(data)})
    for part in ("raw", "preprocessed", "results"):
        (work / part).mkdir(exist_ok=True)
        os.environ[f"nnUNet_{part}"] = str(work / part)
    make_raw(data, work / "raw" / NAME)
    make_plan(work / "preprocessed" / NAME)
    for configuration in CONFIGURATIONS:
        make_checkpoint(configuration, chosen.seed)
    print(f"{NAME}: plan and untrained weights are in {work}")


if __name__ == "__main__":
    main()
