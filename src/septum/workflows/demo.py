"""``septum demo``: a synthetic heart whose truth is known, segmented, measured and reported."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from septum.core import VENTRICLES, BundleError, Cine, Segmentation
from septum.core.errors import NameTakenError
from septum.indices import clinical_indices
from septum.io import read_mask, write_image
from septum.metrics import dice
from septum.phantom import PhantomSettings, beating_heart
from septum.workflows.output_folder import check_writable
from septum.workflows.outputs import requested
from septum.workflows.segment import segment_file

if TYPE_CHECKING:
    from pathlib import Path

    from septum.core import Indices
    from septum.workflows.events import CaseDone
    from septum.workflows.lazy_model import LazyModel

SEED = 7


@dataclass(frozen=True)
class DemoResult:
    """What the demo made and measured.

    Attributes:
        image, truth: the synthetic heart's files.
        report: page with the model's mask and numbers.
        result: mask and JSON.
        curve: volumes and ejection fraction from the model's mask.
        true_curve: the same from the truth.
        phases: name and frame (from 0) of the phases, by the truth.
        dice: structure to phase to Dice; the phase ``all`` is the mean over frames. ``None``: not there.
    """

    image: Path
    truth: Path
    report: Path
    result: CaseDone
    curve: Indices
    true_curve: Indices
    phases: tuple[tuple[str, int], ...]
    dice: dict[str, dict[str, float | None]]


def run_demo(out: Path, model: LazyModel, settings: PhantomSettings | None = None) -> DemoResult:
    """Make a synthetic cine, segment it as any file is segmented, and compare with its truth.

    The cine is the same each time, so that a repeated run finds its mask done.

    Args:
        out: folder for all files.
        model: must find the structures of the phantom's truth.
        settings: of the phantom.

    Raises:
        OutputError: the folder cannot be written to.
        BundleError: the model cannot be used.
    """
    check_writable(out)
    labels = model.bundle.manifest.labels
    if labels.names != VENTRICLES.names:
        raise BundleError(
            f"the demo's heart has {', '.join(VENTRICLES.names)}, "
            f"and the model finds {', '.join(labels.names)}; use a model of the ventricles."
        )
    phantom = beating_heart(np.random.default_rng(SEED), settings)
    image, truth = out / "heart.nii.gz", out / "heart_gt.nii.gz"
    write_image(image, replace(phantom.cine, array=phantom.cine.array.astype(np.int16)))
    write_image(truth, Cine(phantom.truth.labels, phantom.cine.geometry, phantom.cine.frame_interval_ms))
    outputs = requested(["report"])
    try:
        result = segment_file(image, model, out, outputs=outputs)
    except NameTakenError:  # of the heart that another version made
        result = segment_file(image, model, out, outputs=outputs, overwrite=True)
    (report,) = result.outputs
    found = Segmentation(read_mask(result.mask).cine.array, phantom.cine.geometry, labels)
    curve, true_curve = clinical_indices(found), clinical_indices(phantom.truth)
    phases = (("ED", phantom.end_diastole), ("ES", phantom.end_systole))
    dices = _dice(found, phantom.truth, phases)
    return DemoResult(image, truth, report, result, curve, true_curve, phases, dices)


def _dice(
    found: Segmentation, truth: Segmentation, phases: tuple[tuple[str, int], ...]
) -> dict[str, dict[str, float | None]]:
    """Compare each structure at each phase, and over all frames in the mean."""
    table: dict[str, dict[str, float | None]] = {}
    for structure in truth.schema.structures:
        predicted, true = found.labels == structure.value, truth.labels == structure.value
        each = [dice(a, b) for a, b in zip(predicted, true, strict=True)]
        scored = [value for value in each if value is not None]
        table[structure.name] = {name: each[t] for name, t in phases}
        table[structure.name]["all"] = float(np.mean(scored)) if scored else None
    return table
