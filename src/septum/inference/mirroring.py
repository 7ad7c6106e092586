"""The mean over mirror images, as an engine about another engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from septum.inference.engine import Engine

#: Name of the output that holds the answers of which ``logits`` are the mean.
MIRRORED = "mirrored"
#: Axes of an image (N, C, Z, Y, X) that are reversed for each mirror image, none first.
MIRRORS: tuple[tuple[int, ...], ...] = ((), (3,), (4,), (3, 4))


class MirrorEngine:
    """Runs another engine on an image and its three in-plane mirror images, and takes the mean.

    Args:
        engine: what runs; its work is four times as much.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine, self.multiple = engine, engine.multiple

    def run(self, image: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Run the network four times.

        Args:
            image: (1, C, Z, Y, X), float32.

        Returns:
            ``logits`` (1, K, Z, Y, X), the mean, and ``mirrored`` (4, K, Z, Y, X), each image's turned back.
        """
        answers = np.concatenate([self._answer(image, axes) for axes in MIRRORS])
        return {"logits": answers.mean(axis=0, keepdims=True), MIRRORED: answers}

    def _answer(self, image: NDArray[np.float32], axes: tuple[int, ...]) -> NDArray[np.float32]:
        logits = self.engine.run(np.ascontiguousarray(np.flip(image, axes)) if axes else image)["logits"]
        return np.flip(logits, axes) if axes else logits
