"""What a study comes to: image, mask, numbers, verdict, and where the mask comes from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from septum.core.clinical import STATEMENT
from septum.workflows.record import FORMAT, InputFacts, Record
from septum.workflows.record_comparison import ReferenceRecord
from septum.workflows.record_numbers import IndicesRecord, QualityRecord, verdict_line
from septum.workflows.record_pattern import PatternRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from septum.core import (
        Comparison,
        Flag,
        Geometry,
        Indices,
        LabelSchema,
        Note,
        Quality,
        Segmentation,
        Study,
        Verdict,
    )
    from septum.core.geometry import Triple
    from septum.core.pattern import Pattern
    from septum.workflows.output_paths import OutputPaths
    from septum.workflows.outputs import OutputOptions
    from septum.workflows.provenance import Provenance


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """A study that is segmented and measured. Two results are equal only if they are the same object.

    Attributes:
        study: the image, as it was read.
        segmentation: its mask.
        indices: clinical numbers of the mask.
        quality: how far the mask is to be trusted.
        provenance: who made the mask, and how.
        name: how the names of its files begin.
        comparison: the indices beside reference ranges, if that was asked for.
        pattern: the study beside the groups of ACDC, likewise.

    >>> import numpy as np
    >>> from septum.phantom import PhantomSettings, beating_heart
    >>> phantom = beating_heart(np.random.default_rng(1), PhantomSettings(frames=1, matrix=(144, 144)))
    >>> from septum import measure
    >>> result = measure(phantom.truth)
    >>> result.flags, result.schema.names
    ((), ('RV', 'MYO', 'LV'))
    >>> result.save("out").record.name
    'heart_seg.json'
    """

    study: Study
    segmentation: Segmentation
    indices: Indices
    quality: Quality
    provenance: Provenance
    name: str = "heart"
    comparison: Comparison | None = None
    pattern: Pattern | None = None

    @property
    def labels(self) -> NDArray[np.uint8]:
        """Mask (T, Z, Y, X); values as in ``schema``, 0 is background."""
        return self.segmentation.labels

    @property
    def geometry(self) -> Geometry:
        """Grid of each frame."""
        return self.segmentation.geometry

    @property
    def schema(self) -> LabelSchema:
        """Which value of the mask means which structure."""
        return self.segmentation.schema

    @property
    def presence(self) -> dict[str, tuple[tuple[float | None, ...], ...]]:
        """Of each structure, one list a frame: the probability that it is in a slice; empty if not known."""
        frames = [frame.evidence.presence for frame in self.provenance.frames]
        if not frames or not all(frames):
            return {}
        return {name: tuple(of_frame[k] for of_frame in frames) for k, name in enumerate(self.schema.names)}

    @property
    def verdict(self) -> Verdict:
        """``fine``, ``review`` or ``reject``."""
        return self.quality.verdict

    @property
    def flags(self) -> tuple[Flag, ...]:
        """The reasons of the verdict."""
        return self.quality.flags

    @property
    def notes(self) -> tuple[Note, ...]:
        """What had to be settled of the image and for the numbers."""
        beside = (one.notes for one in (self.comparison, self.pattern) if one is not None)
        return (*self.study.notes, *self.indices.notes, *chain(*beside))

    def __repr__(self) -> str:
        """Tell the main numbers and the verdict in one line."""
        line = verdict_line(QualityRecord.of(self.quality))
        return f"Result({self.name}: {numbers_line(IndicesRecord.of(self.indices))}; {line})"

    def record(
        self,
        *,
        mask_sha256: str = "",
        outputs: Mapping[str, OutputOptions] | None = None,
        notes: Iterable[Note] = (),
    ) -> Record:
        """Put everything that is known of the study into the form of the JSON.

        Args:
            mask_sha256: hash of the mask's file, where it has one.
            outputs: what belongs beside the mask.
            notes: what else the user should know.
        """
        provenance, geometry = self.provenance, self.study.cine.geometry
        evidence = [frame.evidence for frame in provenance.frames]
        names = self.schema.names
        return Record(
            format=FORMAT,
            software=provenance.software,
            model=provenance.model,
            input=InputFacts(
                sha256=self.study.sha256,
                shape=geometry.shape,
                frames=len(self.labels),
                spacing_mm=_rounded_mm(geometry.spacing_mm),
                notes=self.study.notes,
            ),
            settings=provenance.settings,
            mask_origin=provenance.origin,
            mask_sha256=mask_sha256,
            outputs={key: dict(options) for key, options in (outputs or {}).items()},
            labels={s.name: s.value for s in self.schema.structures},
            roles={s.name: s.role for s in self.schema.structures if s.role is not None and s.role != s.name},
            indices=IndicesRecord.of(self.indices),
            quality=QualityRecord.of(self.quality),
            reference=None if self.comparison is None else ReferenceRecord.of(self.comparison),
            pattern=None if self.pattern is None else PatternRecord.of(self.pattern),
            regions=tuple(frame.localisation for frame in provenance.frames),
            confidence=tuple(one.confidence for one in evidence),
            agreement=tuple(one.agreement for one in evidence),
            soft_dice={name: tuple(one.soft_dice[k] for one in evidence) for k, name in enumerate(names)}
            if evidence
            else {},
            presence=self.presence,
            flip_agreement=tuple(one.flip_agreement for one in evidence) if provenance.settings.flips else (),
            notes=tuple(notes),
            timings_s=provenance.timings_s,
            statement=STATEMENT,
            correction=provenance.correction,
            verified=provenance.verified,
        )

    def save(
        self,
        folder: str | Path,
        outputs: Iterable[str] | Mapping[str, OutputOptions] = (),
        *,
        name: str | None = None,
        overwrite: bool = False,
    ) -> OutputPaths:
        """Write mask, JSON and outputs, each whole or not at all.

        Outputs that stand there stay if they are of this very mask and these numbers. What else an earlier
        run wrote under this name goes, its outputs with it. An output that cannot be made of this study is
        left out, and a :class:`septum.OutputWarning` says so.

        Args:
            folder: where to; it is made.
            outputs: ``report``, ``dicom``, ``mesh``; with options as in ``{"mesh": {"format": "ply"}}``.
            name: how the files' names begin; that of the input by default.
            overwrite: write all anew; replace results of another input, and files that are not Septum's.

        Returns:
            What the files are called.

        Raises:
            InputError: there is no such output, or the folder has no name.
            NameTakenError: something of that name is not of this input, or not of Septum.
            OutputError: something cannot be written.
        """
        from septum.workflows.loading import path_of  # noqa: PLC0415  # which knows arrays
        from septum.workflows.saving import save  # noqa: PLC0415  # which knows results

        return save(self, path_of(folder), outputs, name=name or self.name, overwrite=overwrite)


def numbers_line(indices: IndicesRecord) -> str:
    """Tell the main numbers in one line: volumes, and of a cine ejection fractions."""
    volumes = indices.volumes_ml
    frames = max(map(len, volumes.values()), default=0)
    if frames == 1:
        return ", ".join(f"{name} {of_frames[0]:.1f} ml" for name, of_frames in volumes.items())
    if "LA" in volumes:
        return f"{frames} frames: LA {max(volumes['LA']):.1f} ml at its largest"
    ed, es = indices.end_diastole_frame, indices.end_systole_frame
    if ed is None or es is None:
        return f"{frames} frames: no ejection fraction"
    parts = []
    for name, of_frames in volumes.items():
        percent = indices.value(f"{name.lower()}_ef_percent")
        if percent is not None:
            parts.append(f"{name} {of_frames[ed]:.1f} / {of_frames[es]:.1f} ml, EF {percent:.1f} %")
    return f"{frames} frames: " + ("; ".join(parts) or "no ejection fraction")


def _rounded_mm(spacing_mm: Triple) -> Triple:
    """Without the digits that float32 headers add: 1.4, not 1.399999976."""
    z, y, x = (round(value, 6) for value in spacing_mm)
    return (z, y, x)
