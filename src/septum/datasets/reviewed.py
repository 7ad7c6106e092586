"""A data set of one's own: results of Septum that a reader has looked at, and accepted or corrected.

It is a folder of results as it lies there after ``septum view``: masks with their JSON, and the decisions
beside them. The images are where they were, beside the results or one folder up.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from septum.core import LEFT_ATRIUM, VENTRICLES, InputError, LabelSchema, RecipeError, Role, Structure
from septum.core.files import sha256_of
from septum.datasets.descriptor import Case, Dataset, Descriptor
from septum.io.beside import images_called, kind_of_content, names_of_image
from septum.io.names import RECORD_ENDING, masks_called

if TYPE_CHECKING:
    from collections.abc import Iterator

    from septum.core import StackKind

_PHASES = {"end_diastole": "ED", "end_systole": "ES"}
_REVIEW = "_review.json"
#: Decisions by which a mask is one to learn from; a corrected one is also without any, unless it is rejected.
_GOOD = frozenset({"accepted", "corrected"})


def reviewed(root: Path) -> Dataset:
    """List the frames of a folder of results that a reader vouches for.

    Of a cine these are end-diastole and end-systole, and every frame that was corrected. Each study is a
    patient, unless a pattern tells otherwise.

    Args:
        root: folder of results; it is searched to the bottom.

    Raises:
        RecipeError: there is no study that is accepted or corrected, their masks show different structures,
            or an image is not found.
    """
    found = [(path, told) for path in sorted(root.rglob(f"*{RECORD_ENDING}")) if (told := _vouched_for(path))]
    if not found:
        raise RecipeError(
            f"{root}: expected results of Septum that a reader has accepted or corrected, and found none; "
            "decide on them in the viewer first."
        )
    first, kind = found[0][1]["labels"], None
    cases: list[Case] = []
    for path, told in found:
        if told["labels"] != first:
            raise RecipeError(
                f"{path}: expected the structures {', '.join(first)}, as in {found[0][0]}, got "
                f"{', '.join(told['labels'])}; keep the results of each model in a folder of its own."
            )
        image, kind = _image_of(root, path, told)
        cases += _cases(root, path, told, image)
    schema = _schema(first, found[0][1].get("roles", {}))
    return Dataset(
        "reviewed", schema, {}, tuple(sorted(cases, key=lambda case: case.name)), citation="", terms="",
        title="results that readers accepted or corrected", input=kind or "cine",
    )  # fmt: skip


def _vouched_for(path: Path) -> dict[str, Any] | None:
    """The JSON of a result, if its mask is one to learn from."""
    told, decision = _read(path), _read(path.with_name(path.name.removesuffix(RECORD_ENDING) + _REVIEW))
    try:
        if told is None or told["software"]["name"] != "septum":
            return None
        state = "" if decision is None else decision.get("state", "")
        decided_on = "" if decision is None else decision.get("mask_sha256", "")
        if decided_on and not _is_of(path, decided_on):
            state = ""  # of another mask
        vouched = state in _GOOD or (told.get("mask_origin") == "corrected" and state != "rejected")
        return told if vouched and told["labels"] and told["input"]["frames"] else None
    except (LookupError, TypeError, AttributeError):
        return None


def _is_of(path: Path, sha256: str) -> bool:
    """Whether the mask of a result has this hash."""
    masks = masks_called(path.parent, path.name.removesuffix(RECORD_ENDING))
    return any(mask.is_file() and sha256_of(mask) == sha256 for mask in masks)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _image_of(root: Path, path: Path, told: dict[str, Any]) -> tuple[Path, StackKind]:
    """The image that a result was made of, and as what it is read."""
    if told["settings"].get("spacing_mm") is not None:
        raise RecipeError(
            f"{path}: the spacing of its image was given by hand, and is not in the file: expected it there; "
            "convert the image with that spacing, and segment it anew."
        )
    name = path.relative_to(root).as_posix().removesuffix(RECORD_ENDING)
    names = names_of_image(name, None if told["model"] is None else told["model"]["name"])
    folders = (path.parent, root, root.absolute().parent, Path())
    for image in images_called(names, folders):
        kind = kind_of_content(image, told["input"]["sha256"])
        if kind is not None:
            return image, kind
    raise RecipeError(
        f"{path}: expected the image that it was made of beside the results, one folder up or in the current "
        f"folder, under the name {Path(name).name}, and found none; put it or a link to it there."
    )


def _cases(root: Path, path: Path, told: dict[str, Any], image: Path) -> Iterator[Case]:
    stem = path.name.removesuffix(RECORD_ENDING)
    mask = next((one for one in masks_called(path.parent, stem) if one.is_file()), None)
    if mask is None:
        raise RecipeError(f"{path}: expected its mask beside it, and found none; restore it.")
    name = path.relative_to(root).as_posix().removesuffix(RECORD_ENDING).replace("/", "-")
    if told["input"]["frames"] == 1:
        yield Case(name, name, "", "", image, mask)
        return
    phases = {told["indices"][f"{key}_frame"]: short for key, short in _PHASES.items()}
    corrected = {
        int(t) for edit in (told.get("correction") or {}).get("edits", ()) for t, _ in edit["slices"]
    }
    for t in sorted({t for t in phases if t is not None} | corrected):
        yield Case(f"{name}_{t:03}", name, "", phases.get(t, ""), image, mask, frame=t)


def _schema(labels: dict[str, int], roles: dict[str, str]) -> LabelSchema:
    """What the masks show: a known schema, or the structures by their names."""
    for known in (VENTRICLES, LEFT_ATRIUM):
        if {one.name: one.value for one in known.structures} == labels:
            return known
    try:
        return LabelSchema(
            structures=tuple(
                Structure(name=name, value=value, role=Role(roles[name]) if name in roles else None)
                for name, value in labels.items()
            )
        )
    except (ValueError, InputError) as error:
        raise RecipeError(
            f"labels: {labels} are no structures of a mask; segment the studies anew."
        ) from error


REVIEWED = Descriptor(key="reviewed", title="results that readers accepted or corrected", load=reviewed)
