"""What a bundle knows of the images that it learnt from, so that it can tell when it is given others."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from septum.inference import load_model
from septum.inference.out_of_distribution import TrainingImages
from septum.training.export import update_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from septum.datasets import Case
    from septum.methods.case_store import CaseStore

LOGGER = logging.getLogger(__name__)


def record_training_images(bundle: Path, store: CaseStore, cases: Sequence[Case]) -> TrainingImages | None:
    """Run a bundle on cases that it learnt from, and write into it what comes of that.

    Args:
        bundle: its folder; the graphs stay as they are.
        store: reads the cases.
        cases: that the weights were learnt from; at least one.

    Returns:
        What stands in ``model.json`` now; ``None`` if the bundle labels nothing in any case.
    """
    model = load_model(bundle)
    slices_mm, evidence = [], []
    for case in cases:
        volume = store.native(case).volume
        slices_mm.append(volume.geometry.spacing_mm[0])
        evidence.append(model.segment_volume(volume).evidence)
        LOGGER.info("%s looked at again", case.name)
    known = TrainingImages.of(slices_mm, evidence)
    update_manifest(bundle, {"training_images": known})
    return known
