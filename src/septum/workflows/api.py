"""What scripts call: one study in, one result out, nothing written."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Unpack

import numpy as np

from septum.core import InputError, Segmentation, Verdict
from septum.core.errors import QualityWarning
from septum.core.settings_error import meant
from septum.inference import Model, ModelKeywords, load_model
from septum.workflows.case_steps import settings_of
from septum.workflows.loading import has_spacing, path_of, phases_of, study_of
from septum.workflows.measure import Measuring, measure_array, measure_file
from septum.workflows.measuring import measured
from septum.workflows.options import IndexSettings
from septum.workflows.provenance import Provenance
from septum.workflows.two_phases import with_two_phases

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from septum.core import LabelSchema
    from septum.workflows.loading import Source
    from septum.workflows.result import Result

_SPACING_KNOWN = (
    "spacing_mm: expected none with an image or a mask that has a spacing of its own; leave it out, or give "
    "it where the file is read."
)


def segment(
    source: Source,
    *,
    model: str | Path | Model = "cine",
    spacing_mm: Sequence[float] | None = None,
    indices: IndexSettings | None = None,
    **options: Unpack[ModelKeywords],
) -> Result:
    """Segment one study and measure it; nothing is written.

    Where the verdict is not *fine*, a :class:`septum.QualityWarning` names its reasons.

    Args:
        source: NIfTI or NRRD file, folder with a DICOM study, two files with end-diastole and end-systole,
            study or image that was read, or array (Z, Y, X) or (T, Z, Y, X).
        model: a shipped model's name, a bundle's folder, or a model from ``load_model``, which has options
            of its own.
        spacing_mm: (Z, Y, X) in mm, instead of the file's; an array needs it.
        indices: how clinical indices are taken, where not as detected and as the study says.
        **options: ``engine``, ``device``, ``precision``, ``threads`` and ``flips``, as of
            :class:`~septum.inference.ModelOptions`.

    Returns:
        The study with its mask (T, Z, Y, X) on its own grid, indices and verdict; T is 1 for a 3-D image.

    Raises:
        InputError: it cannot be used as an image of a heart, or something is given that nothing would use.
        BundleError: the model cannot be used.
        MissingExtraError: the engine is not installed.

    >>> import numpy as np
    >>> from septum.phantom import PhantomSettings, beating_heart
    >>> phantom = beating_heart(np.random.default_rng(1), PhantomSettings(frames=1, matrix=(144, 144)))
    >>> result = segment(phantom.cine)
    >>> result.labels.shape, result.verdict.value
    ((1, 10, 144, 144), 'fine')
    >>> bool(100 < result.indices.volumes_ml["LV"][0] < 180)  # the truth is 140
    True
    """
    _check_known(options)
    if spacing_mm is not None and has_spacing(source):
        raise InputError(_SPACING_KNOWN)
    indices = None if indices is None else IndexSettings.model_validate(indices)
    model = _ready(model, options)
    bundle, started = model.bundle, time.perf_counter()
    if isinstance(source, tuple):
        indices = with_two_phases(indices, phases_of(source))
    study, name = study_of(source, spacing_mm, bundle.manifest.reads)
    settings = settings_of(model, None if spacing_mm is None else study.cine.geometry.spacing_mm, indices)
    settings.indices.check_frames(len(study.cine), name)
    read_s = time.perf_counter() - started
    frames = list(model.segment_frames(study.cine))
    labels = np.stack([frame.labels for frame in frames])
    provenance = Provenance.from_run(frames, study.cine.geometry, bundle, settings, read_s)
    segmentation = Segmentation(labels, study.cine.geometry, bundle.manifest.labels)
    result = measured(study, segmentation, provenance, bundle, name=name)
    warn_of(result)
    return result


def measure(
    mask: str | Path | Segmentation,
    *,
    image: Source | None = None,
    labels: str | LabelSchema | None = None,
    spacing_mm: Sequence[float] | None = None,
    indices: IndexSettings | None = None,
) -> Result:
    """Measure a mask, whoever made it; nothing is written, and no network runs.

    Where the verdict is not *fine*, a :class:`septum.QualityWarning` names its reasons. Of a mask that
    Septum wrote, the JSON next to it says which model made it; if the mask was changed since, it counts as
    corrected.

    Args:
        mask: NIfTI or NRRD file, or a mask that is at hand.
        image: that it was drawn on, as for :func:`segment`; reports show it, and DICOM objects refer to it.
        labels: what the mask shows, ``ventricles`` (1, 2, 3 for RV, MYO, LV) or ``atrium`` (1 or 255); by its
            JSON or its values without it.
        spacing_mm: (Z, Y, X) in mm, instead of the file's.
        indices: how clinical indices are taken, where not as detected and as the files say.

    Returns:
        The same as :func:`segment`; the verdict rests on what needs no network.

    Raises:
        InputError: it is no mask of these labels, or does not lie on the grid of its image; or something is
            given that nothing would use.

    >>> import numpy as np
    >>> from septum.phantom import PhantomSettings, beating_heart
    >>> phantom = beating_heart(np.random.default_rng(1), PhantomSettings(frames=1, matrix=(144, 144)))
    >>> result = measure(phantom.truth)
    >>> result.verdict.value, f"{result.indices.volumes_ml['LV'][0]:.0f} ml"
    ('fine', '140 ml')
    """
    how = Measuring(
        image, labels, spacing_mm, None if indices is None else IndexSettings.model_validate(indices)
    )
    if isinstance(mask, np.ndarray):
        raise InputError(
            "mask: expected a file or a Segmentation, got an array, which does not say where its voxels lie; "
            "give Segmentation(labels, geometry, schema)."
        )
    if isinstance(mask, Segmentation):
        if labels is not None:
            raise InputError("labels: expected none with a mask that has its schema; leave them out.")
        if spacing_mm is not None and (image is None or has_spacing(image)):
            raise InputError(_SPACING_KNOWN)
        result = measure_array(mask, how)
    else:
        result, _ = measure_file(path_of(mask), how)
    warn_of(result)
    return result


def load_mask(
    path: str | Path, *, labels: str | LabelSchema | None = None, spacing_mm: Sequence[float] | None = None
) -> Segmentation:
    """Read a mask file.

    Args:
        path: NIfTI or NRRD file, 3-D or 4-D.
        labels: as for :func:`measure`.
        spacing_mm: likewise.

    Raises:
        InputError: it is no mask of these labels.

    >>> from septum import Geometry, Study, write_mask
    >>> from septum.core import VENTRICLES, Cine
    >>> labels = np.zeros((1, 8, 96, 96), np.uint8)
    >>> labels[0, 2:6, 40:60, 40:60] = 3
    >>> grid = Geometry((8, 96, 96), (8.0, 1.5, 1.5))
    >>> write_mask("a_seg.nii.gz", Segmentation(labels, grid, VENTRICLES), Study(Cine(labels, grid), ""))
    >>> load_mask("a_seg.nii.gz").schema.names
    ('RV', 'MYO', 'LV')
    """
    result, _ = measure_file(path_of(path), Measuring(labels=labels, spacing_mm=spacing_mm))
    return result.segmentation


def _check_known(options: ModelKeywords) -> None:
    """Refuse keywords that :func:`segment` does not have. Raises :class:`InputError`."""
    known = ("model", "spacing_mm", "indices", *ModelKeywords.__annotations__)
    for name in options:
        if name not in known:
            raise InputError(f"{name}: there is no such argument{meant(name, known)}.")


def warn_of(result: Result) -> None:
    """Issue a Python warning with the reasons of a verdict that is not fine."""
    if result.verdict is not Verdict.FINE:
        reasons = " ".join(flag.reason for flag in result.flags)
        message = f"{result.name}: the verdict on the mask is {result.verdict.value}. {reasons}"
        warnings.warn(message, QualityWarning, stacklevel=3)


def _ready(model: str | Path | Model, options: ModelKeywords) -> Model:
    """Load a model, unless it is loaded; that one has options of its own, and takes no others."""
    if not isinstance(model, Model):
        return load_model(model, **options)
    if options:
        raise InputError(
            f"{', '.join(options)}: expected no options with a model that is loaded, since it has its own; "
            "give them to load_model."
        )
    return model
