"""A training run in miniature: a few made-up patients, laid out as ACDC is."""

import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import torch

from septum.datasets import Split, acdc
from septum.methods.case_store import CaseStore
from septum.training.loop import Deadline, Interrupted
from septum.training.multi_stage import MultiStageRun
from septum.training.partition import TrainingData, partition_of
from septum.training.parts import Parts
from septum.training.recipe import MultiStageRecipe

CPU = torch.device("cpu")
PATIENTS = 5  # four to train on, one to test
STEPS = 2  # an epoch


def write_patient(root, number, rng):
    """Random images about a bright disk in a ring, stored as ACDC stores them."""
    folder = root / f"patient{number:03d}"
    folder.mkdir(parents=True)
    (folder / "Info.cfg").write_text("ED: 1\nES: 2\nGroup: NOR\n", encoding="utf-8")
    for frame, radius_mm in ((1, 44), (2, 36)):
        y, x = np.indices((40, 38)) * 4.0
        distance = np.hypot(y - 70 - 4 * number, x - 90 + 3 * number)
        bodies = [distance < share * radius_mm for share in (0.5, 0.75, 1)]
        labels = np.select(bodies, [3, 2, 1], 0)
        labels = np.stack([labels] * (3 + number % 2)).astype(np.uint8)
        image = 200 * labels + rng.normal(400, 40, labels.shape)
        for end, array in (("", image.astype(np.int16)), ("_gt", labels)):
            file = nib.Nifti1Image(array.transpose(2, 1, 0), np.diag([4.0, 4.0, 9.0, 1.0]))
            nib.save(file, folder / f"patient{number:03d}_frame{frame:02d}{end}.nii.gz")


def stage(*, classes, epochs, **changes):
    return {
        "network": {
            "filters": 2,
            "keep_z": True,
            "flat_levels": 2,
            "norm": "instance",
            "residual": "add",
            "upsampling": "transposed",
            "out_channels": classes,
        },
        "preprocessing": {"in_plane_mm": 8.0 if classes == 1 else 4.0},
        "patch": {"size": (16, 16) if classes == 1 else (24, 24), "jitter_mm": 8.0},
        "augmentation": {"rotation_deg": 90, "mirror": 0.5, "log_gamma": 0.2, "elastic_mm": 2, "noise": 0.1},
        "loss": "bce_dice" if classes == 1 else "dice_cross_entropy",
        "optimisation": {
            "optimiser": "adamw",
            "learning_rate": 1e-2,
            "weight_decay": 0.01,
            "schedule": "cosine",
            "warmup_steps": 2,
            "batch": 2,
            "epochs": epochs,
            "steps_per_epoch": STEPS,
            "ema": 0.7,
            "gradient_norm": 5.0,
        }
        | changes,
    }


def recipe_of(*, epochs=2, segmenter_epochs=3, **changes):
    return MultiStageRecipe.model_validate(
        {
            "name": "tiny",
            "title": "a test",
            "dataset": "acdc",
            "seed": 3,
            "localiser_folds": 2,
            "localiser_fold_epochs": 1,
            "localiser": stage(classes=1, epochs=epochs),
            "localisation": {"sizes": [24, 32], "margin_mm": 4.0, "centre": "box"},
            "segmenter": stage(classes=4, epochs=segmenter_epochs, **changes),
        }
    )


def run_of(recipe, data, folder):
    dataset = acdc(data)
    partition = partition_of(dataset, fixed_split("acdc"), recipe.fold, validate=False)
    return MultiStageRun(recipe, TrainingData(CaseStore(dataset), partition), Parts(folder, CPU))


def fixed_split(_dataset):
    names = [f"patient{i:03d}" for i in range(1, PATIENTS + 1)]
    return Split(dataset="acdc", test=(names[-1],), folds=tuple((n,) for n in names[:-1]))


class Budget(Deadline):
    """Time for so many epochs and, of one more, so many steps."""

    def __init__(self, epochs, steps=0):
        super().__init__()
        object.__setattr__(self, "left", epochs * STEPS + steps)

    def require(self, seconds):  # noqa: ARG002  # counts steps instead
        if self.left == 0:
            raise Interrupted
        object.__setattr__(self, "left", self.left - 1)


def assert_same(trained, reference):
    for name in ("localiser", "segmenter"):
        ours, theirs = getattr(trained, name).state_dict(), getattr(reference, name).state_dict()
        assert list(ours) == list(theirs)
        for key, value in ours.items():
            assert torch.equal(value, theirs[key]), f"{name}.{key}"
    assert trained.localisation == reference.localisation


def history_of(folder):
    """The epochs of a network, from the lines of its history."""
    return [json.loads(line) for line in (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()]


def checkpoints(folder):
    return sorted(folder.glob("epoch-*.pt"))


def spoil(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


if __name__ == "__main__":  # the process that is killed
    torch.set_num_threads(1)
    run_of(recipe_of(segmenter_epochs=12), Path(sys.argv[1]), Path(sys.argv[2])).run(Deadline())
