"""What a trained nnU-Net of version 2 leaves, in small, with a stand-in for the package of its networks."""

from __future__ import annotations

import json
import sys
import types
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = "dynamic_network_architectures"
RESAMPLING = {"order_z": 0, "force_separate_z": None}


class PlainConvUNet(nn.Module):
    """Two convolutions; called as nnU-Net calls its networks."""

    def __init__(
        self,
        input_channels,
        num_classes,
        *,
        deep_supervision,
        conv_op,
        norm_op,
        features_per_stage,
        nonlin=None,
    ):
        super().__init__()
        assert deep_supervision is False
        assert nonlin is None
        width = features_per_stage[0]
        self.first = conv_op(input_channels, width, 3, padding=1)
        self.norm = norm_op(width, affine=True)
        self.last = conv_op(width, num_classes, 3, padding=1)

    def forward(self, image):
        return self.last(torch.relu(self.norm(self.first(image))))


def install(monkeypatch) -> None:
    """Put the stand-in in the place of the package, whether that is installed or not."""
    for name in (PACKAGE, f"{PACKAGE}.architectures", f"{PACKAGE}.architectures.unet"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules[f"{PACKAGE}.architectures.unet"].PlainConvUNet = PlainConvUNet


def configuration(dimensions: int, **changes: Any) -> dict[str, Any]:
    """Settings as in ``plans.json``."""
    shown = {
        "preprocessor_name": "DefaultPreprocessor",
        "patch_size": [4, 32, 32][3 - dimensions :],
        "spacing": [8.0, 1.6, 1.6][3 - dimensions :],
        "normalization_schemes": ["ZScoreNormalization"],
        "use_mask_for_norm": [False],
        "resampling_fn_data": "resample_data_or_seg_to_shape",
        "resampling_fn_data_kwargs": {"is_seg": False, "order": 3, **RESAMPLING},
        "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
        "resampling_fn_probabilities_kwargs": {"is_seg": False, "order": 1, **RESAMPLING},
        "architecture": {
            "network_class_name": f"{PACKAGE}.architectures.unet.PlainConvUNet",
            "arch_kwargs": {
                "features_per_stage": [4],
                "conv_op": f"torch.nn.modules.conv.Conv{dimensions}d",
                "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dimensions}d",
                "nonlin": None,
            },
            "_kw_requires_import": ["conv_op", "norm_op", "nonlin"],
        },
    }
    return {**shown, **changes}


def write_results(
    root: Path,
    name: str = "2d",
    *,
    folds: tuple[str, ...] = ("0",),
    trainer: str = "nnUNetTrainer",
    labels: dict[str, Any] | None = None,
    channels: int = 1,
    plans: dict[str, Any] | None = None,
    **changes: Any,
) -> Path:
    """Write the results of one configuration below a folder, and return its own folder."""
    folder = root / f"{trainer}__nnUNetPlans__{name}"
    folder.mkdir(parents=True)
    dimensions = 2 if name == "2d" else 3
    settings = configuration(dimensions, **changes)
    told = {
        "dataset_name": "Dataset900_Hearts",
        "transpose_forward": [0, 1, 2],
        "configurations": {name: settings},
        "foreground_intensity_properties_per_channel": {
            "0": {"mean": 400.0, "std": 200.0, "percentile_00_5": 10.0, "percentile_99_5": 1200.0}
        },
        **(plans or {}),
    }
    (folder / "plans.json").write_text(json.dumps(told))
    labels = labels or {"background": 0, "RV": 1, "MLV": 2, "LVC": 3}
    data = {
        "channel_names": {str(number): "cineMRI" for number in range(channels)},
        "labels": labels,
        "numTraining": 3,
        "file_ending": ".nii.gz",
        "licence": "CC BY 4.0",
    }
    (folder / "dataset.json").write_text(json.dumps(data))
    kinds = {2: (nn.Conv2d, nn.InstanceNorm2d), 3: (nn.Conv3d, nn.InstanceNorm3d)}[dimensions]
    for number, fold in enumerate(folds):
        torch.manual_seed(number)
        network = PlainConvUNet(
            1, len(labels), deep_supervision=False, conv_op=kinds[0], norm_op=kinds[1], features_per_stage=[4]
        )
        (folder / f"fold_{fold}").mkdir()
        checkpoint = {
            "network_weights": network.state_dict(),
            "trainer_name": trainer,
            "init_args": {"configuration": name, "fold": number},
            "inference_allowed_mirroring_axes": tuple(range(dimensions)),
            "logging": {"mean_fg_dice": [np.float64(0.5), np.float32(0.5)]},
        }
        torch.save(checkpoint, folder / f"fold_{fold}" / "checkpoint_final.pth")
    return folder
