"""A model that is checked at once and loaded when it is first needed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from septum.inference import FrameResult, Model, open_bundle
from septum.inference.model import require_mirror_images

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from septum.core import Cine


class LazyModel:
    """A bundle whose networks are compiled once, and only if there is something to segment.

    Args:
        model: a shipped model's name, or a bundle's folder.
        engine: ``openvino`` or ``onnxruntime``.
        threads: CPU threads, or ``None`` for the engine's choice.
        flips: whether masks come from the mean over four mirror images.

    Raises:
        BundleError: the bundle is missing or damaged, or flips are asked of one that knows no mirror images.
    """

    def __init__(
        self, model: str | Path, *, engine: str = "openvino", threads: int | None = None, flips: bool = False
    ) -> None:
        self.bundle = open_bundle(model)
        if flips:
            require_mirror_images(self.bundle)
        self.engine, self.threads, self.flips = engine, threads, flips

    @cached_property
    def loaded(self) -> Model:
        """The model, ready to run. Raises :class:`MissingExtraError` without its engine."""
        return Model(self.bundle, self.engine, self.threads, flips=self.flips)

    def segment_frames(self, cine: Cine) -> Iterator[FrameResult]:
        """See :meth:`septum.inference.Model.segment_frames`."""
        return self.loaded.segment_frames(cine)
