"""A model that is checked at once and loaded when it is first needed."""

from __future__ import annotations

from concurrent.futures import Future
from functools import cached_property
from threading import Thread
from typing import TYPE_CHECKING

from septum.inference import FrameResult, Model, ModelOptions, open_bundle
from septum.inference.model import check_mirror_images

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from septum.core import Cine


class LazyModel:
    """A bundle whose networks are compiled once, and only if there is something to segment.

    Args:
        model: a shipped model's name, or a bundle's folder.
        options: how its networks run; ``None`` for the defaults.

    Raises:
        BundleError: the bundle is missing or damaged, or flips are asked of one that knows no mirror images.
    """

    def __init__(self, model: str | Path, options: ModelOptions | None = None) -> None:
        self.bundle, self.options = open_bundle(model), options or ModelOptions()
        check_mirror_images(self.bundle, self.options)
        self._begun: Future[Model] | None = None

    def begin(self) -> None:
        """Start to load in a thread, while the first image is read. Its error is raised by ``loaded``."""
        if self._begun is None and "loaded" not in self.__dict__:
            self._begun = Future()
            # The process waits for it: one that ends amid a compilation is aborted, whatever its exit code.
            Thread(target=self._load_into, args=(self._begun,)).start()

    @cached_property
    def loaded(self) -> Model:
        """The model, ready to run. Raises as :class:`~septum.inference.Model`."""
        return self._load() if self._begun is None else self._begun.result()

    def segment_frames(self, cine: Cine) -> Iterator[FrameResult]:
        """See :meth:`septum.inference.Model.segment_frames`."""
        return self.loaded.segment_frames(cine)

    def _load(self) -> Model:
        return Model(self.bundle, self.options)

    def _load_into(self, begun: Future[Model]) -> None:
        try:
            begun.set_result(self._load())
        except BaseException as error:  # noqa: BLE001  # raised again where the model is needed
            begun.set_exception(error)
