"""From a mask to a result: the indices and the verdict are taken here, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.core import Verdict
from septum.quality.calibration import calibration_of
from septum.quality.verdict import assess_quality, study_quality
from septum.workflows.result import Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from septum.core import Indices, MeasuredError, Quality, Segmentation, Study
    from septum.inference import Bundle
    from septum.workflows.provenance import Provenance


def measured(
    study: Study,
    segmentation: Segmentation,
    provenance: Provenance,
    bundle: Bundle | None,
    *,
    name: str,
    volumes_ml: Mapping[str, tuple[float, ...]] | None = None,
) -> Result:
    """Take the indices of a mask and judge it.

    Args:
        study: the image.
        segmentation: its mask.
        provenance: of the mask; its settings say how indices are taken.
        bundle: of the model that made the mask. Without it, and for a mask that was changed since, the
            verdict rests on the mask alone.
        name: how the names of the result's files begin.
        volumes_ml: of each structure by name, one a frame, where they are counted already.

    Raises:
        InputError: a frame that was given is not there.
        BundleError: the model's calibration cannot be read.
    """
    indices = provenance.settings.indices.indices_of(segmentation, study, volumes_ml)
    if bundle is None or not provenance.frames:
        quality = assess_quality(segmentation, indices)
    else:
        evidence = [frame.evidence for frame in provenance.frames]
        regions = [frame.localisation.found for frame in provenance.frames]
        quality = study_quality(segmentation, indices, evidence, regions, bundle)
    settings, comparison, pattern = provenance.settings.indices, None, None
    if settings.compares or settings.pattern:
        errors = known_errors(indices, quality, bundle)
        own, refused = provenance.origin != "given", quality.verdict is Verdict.REJECT
        comparison = settings.comparison_of(indices, study, errors, own_convention=own)
        pattern = settings.pattern_of(indices, study, errors, refused=refused)
    return Result(study, segmentation, indices, quality, provenance, name, comparison, pattern)


def known_errors(indices: Indices, quality: Quality, bundle: Bundle | None) -> dict[str, MeasuredError]:
    """Give what each index of a mask may be off by, as far as the model's calibration holds for it.

    It is more where the segmenter is less sure of the ventricle. The calibration says nothing of an image
    unlike its own, where no Dice is estimated either, and nothing of a ventricle whose mask is rejected.

    Args:
        indices: of the mask.
        quality: of the mask.
        bundle: of the model that made the mask.

    Raises:
        BundleError: the calibration cannot be read.
    """
    calibration = None if bundle is None or quality.estimated_dice is None else calibration_of(bundle)
    if calibration is None:
        return {}
    difficulties = {
        name: calibration.ejection_fractions[name].difficulty(overlap)
        for name, overlap in quality.overlaps.items()
    }
    found = {}
    for item in indices.items:
        error, difficulty = calibration.errors.get(item.key), difficulties.get(item.structure)
        rejected = quality.ventricles.get(item.structure, quality.verdict) is Verdict.REJECT
        if error is not None and not rejected:
            found[item.key] = error if difficulty is None else error.at(difficulty)
    return found
