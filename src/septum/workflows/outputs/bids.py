"""BIDS derivatives: one data set beside the results, with a discrete segmentation for each case.

Source: Brain Imaging Data Structure 1.10, "Derived imaging data" and "Segmentations". BIDS knows no heart:
there is no datatype for it, and ``anat`` stands in its place.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from septum.workflows.outputs.base import Option, Output, OutputOptions

if TYPE_CHECKING:
    from pathlib import Path

    from septum.core import LabelSchema
    from septum.workflows.output_paths import OutputPaths
    from septum.workflows.record import Record
    from septum.workflows.result import Result

BIDS_VERSION = "1.10.0"
#: The data set's folder in the folder of results.
ROOT = "bids"
_DESCRIPTION = "dataset_description.json"
_GENERATOR = "Septum"
#: Entities of an input's name that a segmentation keeps, in BIDS's order.
_KEPT = ("sub", "ses", "acq", "rec", "run")
_ENTITY = re.compile(r"([a-z]+)-([A-Za-z0-9]+)")
#: Digits of the input's hash that name a subject.
_DIGITS = 12
_ENDINGS = ("_dseg.nii.gz", "_dseg.json", "_dseg.tsv")


@dataclass(frozen=True)
class BidsName:
    """The name of a segmentation.

    Attributes:
        entities: such as ``sub`` to ``01``, in BIDS's order.
        desc: which mask of that image it is.
    """

    entities: dict[str, str]
    desc: str

    @classmethod
    def of(cls, stem: str, sha256: str, model: str | None) -> BidsName:
        """Name a case, without anything of the patient.

        A name that is BIDS's already keeps its subject, session, acquisition, reconstruction and run. Any
        other might tell who the patient is: the subject is then the beginning of the image's hash.

        Args:
            stem: how the names of the case's files begin.
            sha256: of the input.
            model: name of the model that made the mask; ``None`` if none did.

        >>> BidsName.of("sub-07_ses-2_run-1_cine", "", "cine").prefix
        'sub-07_ses-2_run-1_desc-cine'
        >>> BidsName.of("Doe_John", "0a1b2c3d4e5f6071", None).prefix
        'sub-0a1b2c3d4e5f_desc-given'
        """
        found = {}
        if stem.startswith("sub-"):
            parts = (_ENTITY.fullmatch(part) for part in stem.split("_"))
            found = {part[1]: part[2] for part in parts if part is not None}
        if "sub" not in found:
            found = {"sub": sha256[:_DIGITS] or "unknown"}
        desc = re.sub("[^A-Za-z0-9]", "", model or "") or ("model" if model else "given")
        return cls({key: found[key] for key in _KEPT if key in found}, desc)

    @property
    def prefix(self) -> str:
        """How the names of its files begin."""
        return "_".join((*(f"{key}-{value}" for key, value in self.entities.items()), f"desc-{self.desc}"))

    def folder(self, root: Path) -> Path:
        """Name the folder of its files."""
        for key in ("sub", "ses"):
            if key in self.entities:
                root = root / f"{key}-{self.entities[key]}"
        return root / "anat"

    def files(self, root: Path) -> tuple[Path, ...]:
        """Name its image, its description and the table of its values."""
        return tuple(self.folder(root) / f"{self.prefix}{ending}" for ending in _ENDINGS)


class BidsOutput(Output):
    """``bids/sub-LABEL/anat/sub-LABEL_desc-MODEL_dseg.nii.gz`` with its JSON and its table of values."""

    key: ClassVar[str] = "bids"
    option: ClassVar[Option] = Option("bids", "Write the mask into a data set of BIDS derivatives, too.")

    def write(self, result: Result, paths: OutputPaths, options: OutputOptions) -> None:
        """Write the mask, its description and table, and what the data set says of itself.

        Args:
            result: image, mask, numbers and verdict.
            paths: places of the study's files.
            options: it has none.

        Raises:
            OutputError: a file cannot be written, or the name is that of another image.
        """
        del options
        from septum.core import OutputError
        from septum.core.files import write_text
        from septum.io.writing import write_image

        root, record = paths.folder / ROOT, result.record()
        image, sidecar, table = _name(paths, record).files(root)
        told = _read(sidecar)
        if told.get("InputSHA256") not in (None, record.input.sha256):
            raise OutputError(
                f"{sidecar} is of another image than {result.name}: expected inputs whose BIDS names differ "
                f"in {', '.join(_KEPT)}; rename one of them."
            )
        _describe(root, record)
        write_text(table, _table(result.schema))
        write_text(sidecar, _json(_sidecar(result, record)))
        write_image(image, replace(result.study.cine, array=result.labels, geometry=result.geometry))

    def reserved(self, paths: OutputPaths) -> tuple[Path, ...]:
        """Name the description of a data set that stands there and is another program's."""
        root = paths.folder / ROOT
        if root.is_dir():
            return (root / _DESCRIPTION,) if _is_foreign(root) else ()
        return (root,)

    def paths(self, paths: OutputPaths, record: Record) -> tuple[Path, ...]:
        """Name the files of the case; the data set's own stay for others."""
        return _name(paths, record).files(paths.folder / ROOT)

    def is_copy(self, path: Path) -> bool:
        """Tell whether a file lies in a data set that Septum wrote beside its results."""
        roots = (parent for parent in path.parents if parent.name == ROOT)
        return path.name.endswith(_ENDINGS) and any(
            (root / _DESCRIPTION).is_file() and not _is_foreign(root) for root in roots
        )


def _name(paths: OutputPaths, record: Record) -> BidsName:
    model = None if record.model is None else record.model.name
    return BidsName.of(paths.stem, record.input.sha256, model)


def _describe(root: Path, record: Record) -> None:
    """Write what the data set says of itself, unless it says so already."""
    from septum.core.files import write_text

    software = {"Name": _GENERATOR, "Version": record.software.version}
    description = {
        "Name": "Segmentations of cardiac MR by Septum",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [software],
    }
    for path, text in (
        (root / _DESCRIPTION, _json(description)),
        (root / "README.md", _README.format(statement=record.statement)),
    ):
        try:
            same = path.read_text("utf-8") == text
        except (OSError, ValueError):
            same = False
        if not same:
            write_text(path, text)


_README = """# Segmentations of cardiac MR by Septum

BIDS has no datatype for the heart: the masks lie in `anat`. The mask of a cine has time as its fourth axis.
The table beside each mask says which value is which structure.

A subject whose label is a hash is the image with this SHA-256, as the JSON files of Septum have it.

{statement}
"""


def _sidecar(result: Result, record: Record) -> dict[str, Any]:
    """Describe a mask; keys that BIDS does not define are Septum's."""
    indices = record.indices
    told: dict[str, Any] = {
        "Description": f"Discrete segmentation of cardiac MR: {', '.join(result.schema.names)}",
        "SpatialReference": "orig",
        "Manual": record.mask_origin != "model",
        "MaskOrigin": record.mask_origin,
        "InputSHA256": record.input.sha256,
        "Verdict": record.quality.verdict.value,
        "EndDiastoleFrame": indices.end_diastole_frame,
        "EndSystoleFrame": indices.end_systole_frame,
        "Indices": {key: item.value for key, item in indices.items.items() if item.value is not None},
        "Statement": record.statement,
    }
    if record.model is not None:
        told["Model"] = {"Name": record.model.name, "SHA256": record.model.sha256}
    times_ms = result.study.cine.times_ms
    if times_ms is not None and len(times_ms) > 1:
        told["FrameTimes"] = [round(time / 1000, 6) for time in times_ms]  # in seconds, as all of BIDS
    return told


def _table(schema: LabelSchema) -> str:
    """One row for each value, with name, abbreviation and colour."""
    rows = [("index", "name", "abbreviation", "color"), ("0", "background", "BG", "#000000")]
    for one in schema.structures:
        colour = "#" + "".join(f"{part:02x}" for part in one.colour)
        rows.append((str(one.value), one.meaning or one.name, one.name, colour))
    return "".join("\t".join(re.sub(r"\s+", " ", cell) for cell in row) + "\n" for row in rows)


def _is_foreign(root: Path) -> bool:
    """Whether a folder has a description that Septum has not written."""
    path = root / _DESCRIPTION
    if not path.exists():
        return False
    makers = _read(path).get("GeneratedBy")
    listed = makers if isinstance(makers, list) else []
    return not any(isinstance(one, dict) and one.get("Name") == _GENERATOR for one in listed)


def _read(path: Path) -> dict[str, Any]:
    """The object in a JSON file; an empty one where there is none."""
    with suppress(OSError, ValueError, RecursionError):
        told = json.loads(path.read_bytes())
        return told if isinstance(told, dict) else {}
    return {}


def _json(told: dict[str, Any]) -> str:
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"
