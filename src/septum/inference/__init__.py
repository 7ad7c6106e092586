"""Localise, crop, segment, paste back, over any engine; bundles."""

from septum.inference.bundle import Bundle, Description, Manifest, StageManifest, open_bundle, shipped
from septum.inference.engine import Engine
from septum.inference.execution import ModelKeywords, ModelOptions
from septum.inference.frame_result import FrameResult
from septum.inference.loading import ENGINES
from septum.inference.model import Model, load_model
from septum.inference.postprocessing import PostprocessingSettings
from septum.inference.steps import Segmenter, Stage, find_region, paste_back, segment_volumes

__all__ = [
    "ENGINES",
    "Bundle",
    "Description",
    "Engine",
    "FrameResult",
    "Manifest",
    "Model",
    "ModelKeywords",
    "ModelOptions",
    "PostprocessingSettings",
    "Segmenter",
    "Stage",
    "StageManifest",
    "find_region",
    "load_model",
    "open_bundle",
    "paste_back",
    "segment_volumes",
    "shipped",
]
