"""Resample, enhance, normalise, pad or crop; each geometric step has what undoes it."""

from septum.preprocessing.intensity import clahe, clip_to_percentiles, percentile, zscore
from septum.preprocessing.prepare import (
    cut,
    pad_or_crop,
    padded_to_multiple,
    prepare,
    prepare_labels,
    prepared_geometry,
)
from septum.preprocessing.resampling import resample, resample_labels
from septum.preprocessing.settings import ClaheSettings, PreprocessingSettings

__all__ = [
    "ClaheSettings",
    "PreprocessingSettings",
    "clahe",
    "clip_to_percentiles",
    "cut",
    "pad_or_crop",
    "padded_to_multiple",
    "percentile",
    "prepare",
    "prepare_labels",
    "prepared_geometry",
    "resample",
    "resample_labels",
    "zscore",
]
