"""The results of a folder, as the list of studies shows them: read quickly, for there may be thousands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from septum.io.names import RECORD_ENDING, masks_called
from septum.report.viewer_link import study_key
from septum.workflows.output_paths import OutputPaths
from septum.workflows.record import FORMAT, SOFTWARE, read_record

if TYPE_CHECKING:
    from pathlib import Path

#: Of the mask as it was before the first correction, which stays. By its name it is a mask, and no result.
_ORIGINAL_ENDING = "_original_mask"


@dataclass(frozen=True)
class Entry:
    """A study with its result.

    Attributes:
        key: by which the page names it; it tells nothing of a path.
        root: the folder of results that it was found in.
        name: of the result below that folder, with ``/``.
        paths: of its files.
        input_sha256: of the image.
        model: its name; ``None`` for a mask that no model made.
        verdict: on the mask.
        flags: their keys.
        ejection_fractions: of LV and RV in percent, where known.
        is_corrected: whether somebody has corrected the mask.
        mask_sha256: of the mask's file, as the JSON tells it.
        phases: frames of end-diastole and end-systole.
        outputs: keys of what stands beside the mask.
    """

    key: str
    root: Path
    name: str
    paths: OutputPaths
    input_sha256: str
    model: str | None
    verdict: str
    flags: tuple[str, ...]
    ejection_fractions: tuple[float | None, float | None]
    is_corrected: bool
    mask_sha256: str
    phases: tuple[int | None, int | None]
    outputs: tuple[str, ...]


def find_entries(root: Path) -> list[Entry]:
    """List the results in a folder and below, in the order of their names."""
    entries = (read_entry(root, path) for path in sorted(root.rglob(f"*{RECORD_ENDING}")))
    return [entry for entry in entries if entry is not None]


def read_entry(root: Path, path: Path) -> Entry | None:
    """Read one result; ``None`` for a file that is none, and where its mask is missing.

    Args:
        root: of the results.
        path: of the JSON.
    """
    told = _document(path)
    stem = path.name.removesuffix(RECORD_ENDING)
    mask = None if told is None else _mask_of(path.parent, stem)
    if told is None or mask is None:
        return None
    try:
        items, quality, sha256 = told["indices"]["items"], told["quality"], str(told["input"]["sha256"])
        indices = told["indices"]
        fractions = [items.get(f"{name}_ef_percent", {}).get("value") for name in ("lv", "rv")]
        return Entry(
            study_key(stem, sha256), root, path.relative_to(root).as_posix().removesuffix(RECORD_ENDING),
            OutputPaths(path.parent, stem, mask), sha256,
            None if told["model"] is None else str(told["model"]["name"]), str(quality["verdict"]),
            tuple(dict.fromkeys(str(flag["key"]) for flag in quality["flags"])),
            (fractions[0], fractions[1]), told.get("mask_origin") == "corrected",
            str(told.get("mask_sha256", "")),
            (indices.get("end_diastole_frame"), indices.get("end_systole_frame")),
            tuple(told.get("outputs", ())),
        )  # fmt: skip
    except (LookupError, TypeError, AttributeError):
        return None


def original_mask(paths: OutputPaths) -> Path:
    """Name the file of the mask before its first correction; its format is that of the mask."""
    ending = paths.mask.name.removeprefix(f"{paths.stem}_seg")
    return paths.beside(f"{_ORIGINAL_ENDING}{ending}")


def _mask_of(folder: Path, stem: str) -> Path | None:
    """Where the mask is; or will be again, if a kill left none and the first one is kept."""
    masks = masks_called(folder, stem)
    firsts = (original_mask(OutputPaths(folder, stem, mask)) for mask in masks)
    there = [mask for mask in masks if mask.is_file()]
    return next(iter(there), None) or next(
        (mask for mask, first in zip(masks, firsts, strict=True) if first.is_file()), None
    )


def _document(path: Path) -> dict[str, Any] | None:
    """The JSON as it stands, if it is a result of Septum; one of an earlier format is brought to this one."""
    try:
        told = json.loads(path.read_bytes())
        if told["software"]["name"] != SOFTWARE.name:
            return None
        if told["format"] == FORMAT:
            return dict(told)
    except (OSError, ValueError, LookupError, TypeError):
        return None
    record = read_record(path)
    return None if record is None else record.model_dump(mode="json")
