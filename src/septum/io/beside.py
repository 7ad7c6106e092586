"""The image of a result, which the result itself never names: by its name, and known again by its content."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from septum.core import STACK_KINDS, InputError
from septum.core.files import is_folder
from septum.io.dicom.finding import holds_dicom
from septum.io.names import IMAGE_SUFFIXES, model_ending
from septum.io.reading import content_sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from septum.core import StackKind


def images_called(names: Iterable[str], folders: Iterable[Path]) -> Iterator[Path]:
    """List the files and folders of these names that may be an image, in the order of the folders.

    Args:
        names: without endings; a name may have folders in it.
        folders: to look into, and not below.
    """
    wanted = list(dict.fromkeys(names))
    for folder in dict.fromkeys(folders):
        for name in wanted:
            paths = (folder / f"{name}{suffix}" for suffix in (*IMAGE_SUFFIXES, ".zip"))
            yield from (path for path in paths if path.is_file())
            if is_folder(folder / name):
                yield folder / name


def kind_of_content(path: Path, sha256: str) -> StackKind | None:
    """Tell as what an image has to be read to have this hash; ``None`` where it has another one.

    Args:
        path: of the image.
        sha256: as of :func:`septum.io.content_sha256`.
    """
    kinds: tuple[StackKind, ...] = STACK_KINDS if holds_dicom(path) else STACK_KINDS[:1]
    for kind in kinds:
        with suppress(InputError):  # a study need not have both stacks
            if content_sha256(path, wanted=kind) == sha256:
                return kind
    return None


def names_of_image(name: str, model: str | None) -> list[str]:
    """Say what the image of a result may be called.

    Args:
        name: of the result below its folder, without ending, with ``/``.
        model: that made it; where two models made results of one image, it joined the second one's name.

    >>> names_of_image("more/heart_la", "la")
    ['more/heart_la', 'heart_la', 'more/heart', 'heart']
    >>> names_of_image("heart_my-model", "my_model")
    ['heart_my-model', 'heart']
    """
    names = [name, Path(name).name]
    if model is not None:
        names += [one.removesuffix(model_ending(model)) for one in names]
    return list(dict.fromkeys(names))
