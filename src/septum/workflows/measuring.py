"""From a mask to a result: the indices and the verdict are taken here, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from septum.quality.verdict import assess_quality, study_quality
from septum.workflows.result import Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from septum.core import Segmentation, Study
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
    return Result(study, segmentation, indices, quality, provenance, name)
