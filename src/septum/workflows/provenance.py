"""Where a mask comes from: who made it, with which model and options, in what time, on what evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from septum.inference.out_of_distribution import Evidence
from septum.workflows.record import (
    SOFTWARE,
    Correction,
    FrameRegion,
    ModelFacts,
    Origin,
    Settings,
    Software,
    Timings,
    Verification,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from septum.core import Geometry
    from septum.inference import Bundle, FrameResult
    from septum.workflows.options import IndexSettings
    from septum.workflows.record import Record


def _timings(read_s: float, frames_s: Sequence[float], write_s: float) -> Timings:
    return Timings(
        read=round(read_s, 3),
        frames=tuple(round(seconds, 3) for seconds in frames_s),
        write=round(write_s, 3),
        total=round(read_s + sum(frames_s) + write_s, 3),
    )


#: Digits of a model's hash that stand for its version.
_VERSION_DIGITS = 12
NO_TIME = _timings(0.0, (), 0.0)


@dataclass(frozen=True)
class FrameProvenance:
    """How the mask of one frame came about: its region, on the input's own grid, and the evidence for it."""

    localisation: FrameRegion
    evidence: Evidence


@dataclass(frozen=True)
class Provenance:
    """How the mask of a study came about.

    Attributes:
        software: what wrote it down.
        model: which model made the mask; ``None`` where none did.
        origin: who made the mask.
        settings: by which it was made and measured.
        frames: one a frame of a mask that a model made, and that nobody has changed; else none.
        timings_s: of making the mask.
        correction: what a reader did to it in the viewer, if anything.
        verified: who has verified it, if somebody has.
    """

    software: Software
    model: ModelFacts | None
    origin: Origin
    settings: Settings
    frames: tuple[FrameProvenance, ...] = ()
    timings_s: Timings = NO_TIME
    correction: Correction | None = None
    verified: Verification | None = None

    @classmethod
    def from_run(
        cls,
        frames: Sequence[FrameResult],
        native: Geometry,
        bundle: Bundle,
        settings: Settings,
        read_s: float = 0.0,
    ) -> Provenance:
        """Describe a mask that the networks have just made.

        Args:
            frames: what the model made of each frame.
            native: grid of one frame of the input.
            bundle: the model.
            settings: by which it ran.
            read_s: seconds that reading the input took.
        """
        manifest = bundle.manifest
        model = ModelFacts(
            name=manifest.name, title=manifest.title, sha256=bundle.sha256, licence=manifest.licence
        )
        made = (FrameProvenance(_region(t, one, native), one.evidence) for t, one in enumerate(frames))
        timings_s = _timings(read_s, [frame.seconds for frame in frames], 0.0)
        return cls(SOFTWARE, model, "model", settings, tuple(made), timings_s)

    @classmethod
    def from_record(cls, record: Record, indices: IndexSettings | None = None) -> Provenance:
        """Describe a mask by the JSON that was written with it.

        Args:
            record: of the mask.
            indices: how indices are taken now, where that has changed.
        """
        made = (
            FrameProvenance(
                region,
                Evidence(
                    _at(record.confidence, t),
                    _at(record.agreement, t),
                    tuple(_at(record.soft_dice.get(name, ()), t) for name in record.labels),
                    _at(record.flip_agreement, t),
                    tuple(record.presence[name][t] for name in record.labels if record.presence),
                ),
            )
            for t, region in enumerate(record.regions)
        )
        settings = record.settings
        if indices is not None:
            settings = settings.model_copy(update={"indices": indices})
        return cls(
            record.software, record.model, record.mask_origin, settings, tuple(made), record.timings_s,
            record.correction, record.verified,
        )  # fmt: skip

    @classmethod
    def of_given_mask(cls, settings: Settings, earlier: Record | None = None) -> Provenance:
        """Describe a mask that no model made as it is.

        Args:
            settings: by which it is measured.
            earlier: record of the mask that it was before somebody changed it, if there is one.
        """
        if earlier is None or earlier.model is None:
            return cls(SOFTWARE, None, "given", settings)
        return cls(SOFTWARE, earlier.model, "corrected", settings)

    def written_in(self, write_s: float) -> Provenance:
        """Add the seconds that writing the mask took."""
        times = self.timings_s
        return replace(self, timings_s=_timings(times.read, times.frames, write_s))

    def timed_as(self, earlier: Record) -> Provenance:
        """The same, with the times of the record of a mask that is kept."""
        return replace(self, timings_s=earlier.timings_s)

    def algorithm(self) -> tuple[str, str]:
        """Name who made the mask, and its version: the first digits of a model's hash, or Septum's own."""
        if self.model is None:
            return "mask given", self.software.version
        name = self.model.name if self.origin == "model" else f"{self.model.name}, corrected"
        return name, self.model.sha256[:_VERSION_DIGITS]

    def described(self) -> dict[str, str]:
        """List what people read of it, by its heading."""
        told = {"Software": f"{self.software.name} {self.software.version}"}
        model, settings = self.model, self.settings
        if model is None:
            return {**told, "Mask": "given, and made by no model of Septum", **self._readers()}
        if self.origin == "corrected":
            told["Mask"] = "a model's, and changed by hand since"
        told |= self._readers()
        told |= {
            "Model": f"{model.name}, {model.title}",
            "Model's hash (SHA-256)": model.sha256,
            "Licence of the model": model.licence,
        }
        if self.origin == "model":
            told["Networks run by"] = f"{settings.engine}, {settings.device}, {settings.precision}" + (
                ", four mirror images" if settings.flips else ""
            )
            told["Time taken"] = f"{self.timings_s.total:.1f} s"
        return told

    def _readers(self) -> dict[str, str]:
        """Who has corrected and verified it, as far as they said their names."""
        told = {}
        if self.correction is not None:
            told["Corrected by"] = self.correction.reader or "a reader who gave no name"
        if self.verified is not None:
            told["Verified by"] = self.verified.reader
        return told


def _at(values: Sequence[float | None], t: int) -> float | None:
    """The value of a frame; records of the first versions have none."""
    return values[t] if t < len(values) else None


def _region(t: int, frame: FrameResult, native: Geometry) -> FrameRegion:
    found = frame.localisation
    region = native.window_of(found.region, frame.working_geometry)
    middle = [(a + b - 1) / 2 for a, b in zip(region.start, region.stop, strict=True)]
    x, y, z = (round(float(v), 2) for v in native.to_patient_mm(middle))
    return FrameRegion(
        frame=t,
        start=region.start,
        stop=region.stop,
        centre_mm=(x, y, z),
        path=found.path,
        enlarged=found.enlarged,
        cut_off=found.cut_off,
    )
