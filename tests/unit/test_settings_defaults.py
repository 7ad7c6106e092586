"""Defaults that may not change: hashes of recipes leave them out.

``Recipe.sha256`` and the identities of trained parts hash only what differs from a default, so that a setting
which is added later leaves them as they are. A default that is *changed* would leave them, too, and results
of the old value would pass for results of the new one. So a new setting may be added to the table below; a
value in it may not be changed: write another value into the recipes that are to have it.
"""

import typing

from pydantic import BaseModel

from septum.training.recipe import AnyRecipe, WholeVolumeRecipe

NO_AUGMENTATION = {
    "rotation_deg": 0.0,
    "log_scale": 0.0,
    "log_aspect": 0.0,
    "mirror": 0.0,
    "reverse_slices": 0.0,
    "elastic_mm": 0.0,
    "slice_shift_mm": 0.0,
    "slice_shift_probability": 0.0,
    "log_gamma": 0.0,
    "bias": 0.0,
    "noise": 0.0,
    "blur_probability": 0.0,
    "log_contrast": 0.0,
    "ghost_probability": 0.0,
    "missing_slices_probability": 0.0,
    "skipped_slices_probability": 0.0,
}

FROZEN = {
    "AugmentationSettings": NO_AUGMENTATION,
    "BoxDetectorSettings": {"filters": 8, "keep_z": False},
    "ClaheSettings": {"clip": 2.0, "tiles": 4},
    "DetectThenSegmentRecipe": {"seed": 0, "localiser_folds": 5, "refinements": None},
    "DetectorSettings": {"augmentation": NO_AUGMENTATION},
    "EndToEndRecipe": {"seed": 0},
    "EndToEndSettings": {"fuse": "multiply", "coarse_weight": 1.0},
    "HeldOut": {"share": 0.2, "patients": ()},
    "Initial": {"localiser": True, "segmenter": True},
    "LocalisationSettings": {
        "evidence": "map",
        "percentile": 99.5,
        "threshold": 0.4,
        "component": "largest",
        "sizes": (128,),
        "fixed": None,
        "margin_mm": 0.0,
        "centre": "centroid",
        "depth": None,
        "multiple": 8,
        "training_centre": None,
    },
    "MaskRCNNRecipe": {"seed": 0},
    "MaskRCNNSettings": {
        "out_channels": 4,
        "anchor_sizes": (16, 32, 64, 128, 256),
        "proposals_per_slice": 512,
        "score_threshold": 0.05,
        "slices_at_once": 16,
    },
    "MultiStageRecipe": {
        "seed": 0,
        "localiser_folds": 5,
        "method": "multi_stage",
        "input": None,
        "patient_pattern": None,
        "held_out": {"share": 0.2, "patients": ()},
        "fold": None,
        "initial": None,
        "regions_at_test": {
            "evidence": "map",
            "layer": "decoder3",
            "threshold": None,
            "margin_mm": None,
        },
        "postprocessing": {"largest_component": False, "in_each_slice": False},
        "flips_at_test": False,
    },
    "NetworkSettings": {
        "architecture": "dr_unet",
        "in_channels": 1,
        "out_channels": 1,
        "filters": 8,
        "keep_z": False,
        "flat_levels": 0,
        "residual": "concat",
        "norm": "batch",
        "order": "conv_norm_relu",
        "upsampling": "nearest",
        "dilations": (1, 2, 4, 8),
        "dilate_z": True,
        "presence": 0,
    },
    "OptimisationSettings": {
        "optimiser": "adam",
        "learning_rate": 1e-4,
        "weight_decay": 0.0,
        "schedule": "constant",
        "warmup_steps": 0,
        "batch": 4,
        "stacked": False,
        "epochs": 300,
        "patience": None,
        "steps_per_epoch": 32,
        "ema": 0.0,
        "gradient_norm": 0.0,
    },
    "PatchSettings": {"jitter_mm": 0.0},
    "PostprocessingSettings": {"largest_component": False, "in_each_slice": False},
    "PreprocessingSettings": {
        "in_plane_mm": None,
        "slice_mm": None,
        "clahe": None,
        "clip_percentiles": None,
        "normalise": "volume",
        "size": None,
    },
    "Refinements": {"passes": 2, "side_weights": (0.4, 0.8), "transfer": None},
    "RegionsAtTest": {"evidence": "map", "layer": "decoder3", "threshold": None, "margin_mm": None},
    "StageSettings": {"augmentation": NO_AUGMENTATION, "side_weights": (), "presence_weight": 0.0},
    "Transfer": {},
    "TrainingSettings": {"augmentation": NO_AUGMENTATION},
    "WholeVolumeRecipe": {"seed": 0},
}

#: Of the recipe in the last test.
HASH = "dacdf5bcccdbe3de33ede160356c74da37c9ea49c90d4022e0a0c85b2f83539a"


def models_in(kind, found):
    """All settings models that a type holds, however deep."""
    for argument in typing.get_args(kind):
        models_in(argument, found)
    if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in found:
        found.append(kind)
        for field in kind.model_fields.values():
            models_in(field.annotation, found)
    return found


def defaults_of(model):
    def plain(value):
        return value.model_dump() if isinstance(value, BaseModel) else value

    fields = {name: field for name, field in model.model_fields.items() if not field.is_required()}
    return {name: plain(field.get_default(call_default_factory=True)) for name, field in fields.items()}


def test_defaults_are_frozen_because_hashes_of_recipes_leave_them_out():
    found = {model.__name__: defaults_of(model) for model in models_in(AnyRecipe, [])}
    assert found == FROZEN, __doc__


def test_hash_of_a_recipe_is_made_as_it_was():
    # By the order of fields and the way in which they are written, too.
    recipe = WholeVolumeRecipe.model_validate(
        {
            "name": "any",
            "title": "any",
            "dataset": "acdc",
            "method": "whole_volume",
            "segmenter": {
                "loss": "multiclass_dice",
                "network": {"out_channels": 4, "filters": 16, "keep_z": True},
                "preprocessing": {"in_plane_mm": 1.25, "clahe": {"clip": 3.0}, "size": [16, 64, 64]},
                "patch": {"size": [64, 64]},
                "optimisation": {"learning_rate": 2e-4, "patience": 30},
            },
        }
    )
    assert recipe.sha256 == HASH, "results that were entered under the old hash would count as stale"
