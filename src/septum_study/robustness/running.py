"""How a bundle fares on its test patients as another scanner might have imaged them."""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from septum.core import Orientation, OutputError, RecipeError, Segmentation, Volume
from septum.core.locks import lock
from septum.datasets import REGISTRY, load_split, published_keys
from septum.indices import clinical_indices
from septum.io import content_sha256
from septum.methods.samples import read_case
from septum.metrics import dice
from septum.quality.evidence import unlike_training_images
from septum.quality.verdict import basic_flags
from septum_study.robustness.perturbations import NONE, PERTURBATIONS, VERSION, levels_of, perturbed
from septum_study.robustness.results import (
    COLUMNS,
    RobustnessRecord,
    csv_path,
    read_robustness,
    write_robustness,
)
from septum_study.scan import Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from septum.core import LabelSchema
    from septum.datasets import Case, Dataset
    from septum.inference import Bundle, FrameResult, Model
    from septum.metrics.scores_file import Row

LOGGER = logging.getLogger(__name__)
LOCKS = ".locks"
#: Result lines by case and perturbation.
Rows = dict[tuple[str, str], list["Row"]]


@dataclass(frozen=True)
class Asked:
    """What is to be measured.

    Attributes:
        data: folder of the data set.
        folder: of the results.
        patients: so many of the test patients, from the first; ``None`` for all.
        phases: ``ED``, ``ES``; empty for all.
        perturbations: names; empty for all. The image as it is comes first in any case.
        made_by: version and commit of the code, for the record.
    """

    data: Path
    folder: Path
    patients: int | None = None
    phases: tuple[str, ...] = ()
    perturbations: tuple[str, ...] = ()
    made_by: str = ""


def measure(model: Model, asked: Asked) -> Path:
    """Measure what is left, and return the file of results; each perturbation of a case is kept at once.

    Only the test patients of the published split are segmented, which training never saw.

    Raises:
        RecipeError: the bundle does not say on which data set it was trained, or the data set cannot be used,
            or the folder has results of another bundle of this name.
        OutputError: a file cannot be written, or another process writes it.
    """
    bundle = model.bundle
    dataset = _dataset_of(bundle, asked.data)
    cases = _cases_of(dataset, asked)
    with lock(asked.folder / LOCKS / f"{bundle.manifest.name}.lock") as free:
        if not free:
            raise OutputError(
                f"{csv_path(asked.folder, bundle.manifest.name)}: expected to be the only process that "
                "writes it, but another does; wait for it, or give another -o folder."
            )
        _measure_cases(model, dataset, cases, asked)
    return csv_path(asked.folder, bundle.manifest.name)


def _dataset_of(bundle: Bundle, data: Path) -> Dataset:
    name = bundle.manifest.provenance.get("dataset")
    if name not in published_keys():
        raise RecipeError(
            f"{bundle.folder}: expected a bundle that was trained on {' or '.join(published_keys())}, whose "
            f"test patients are known; its provenance says {name!r}."
        )
    dataset = REGISTRY[str(name)].load(data)
    if dataset.schema.values != bundle.manifest.labels.values:
        raise RecipeError(
            f"{bundle.folder}: expected the labels {dataset.schema.names} of {name}, got "
            f"{bundle.manifest.labels.names}; choose a bundle of these structures."
        )
    return dataset


def _cases_of(dataset: Dataset, asked: Asked) -> tuple[Case, ...]:
    chosen = set(load_split(dataset.name).test[: asked.patients])
    cases = [c for c in dataset.of(chosen) if not asked.phases or c.phase in asked.phases]
    if not cases:
        raise RecipeError(
            f"{asked.data}: expected test patients of {dataset.name} such as {min(chosen)}"
            f"{' in phase ' + ' or '.join(asked.phases) if asked.phases else ''}, found none; give the "
            "folder with the whole data set."
        )
    return tuple(cases)


def _measure_cases(model: Model, dataset: Dataset, cases: Sequence[Case], asked: Asked) -> None:
    name = model.bundle.manifest.name
    record = _record_of(model, dataset.name, asked)
    rows = _kept(read_robustness(asked.folder, name), dataset.name)
    for case in cases:
        content = _content(case)
        if record.cases.get(case.name) != content and any(key[0] == case.name for key in rows):
            rows = {key: lines for key, lines in rows.items() if key[0] != case.name}
            write_robustness(asked.folder, name, _in_order(rows))
        left = [p for p in _names(asked, dataset.name) if (case.name, p) not in rows]
        if not left:
            continue
        record = record.model_copy(update={"cases": {**record.cases, case.name: content}})
        record.write(asked.folder)
        native = read_case(case, dataset)
        before = model.segment_volume(native.volume).labels
        scan = Scan(native.volume.array, native.labels, native.volume.geometry, before)
        for perturbation in left:
            started = time.monotonic()
            lines = list(_lines(model, dataset, case, scan, perturbation))
            rows[case.name, perturbation] = lines
            write_robustness(asked.folder, name, _in_order(rows))
            count = len(levels_of(perturbation, dataset.name))
            LOGGER.info(
                "%s, %s: %d levels, %.1f s", case.name, perturbation, count, time.monotonic() - started
            )


def _record_of(model: Model, dataset: str, asked: Asked) -> RobustnessRecord:
    """The record that is there, brought up to date, or a new one.

    Raises:
        RecipeError: it is of another bundle, or of other perturbations.
    """
    bundle = model.bundle
    new = RobustnessRecord(
        bundle=bundle.manifest.name, bundle_sha256=bundle.sha256, dataset=dataset, perturbations=VERSION,
        flips=model.options.flips, engine=model.options.engine_name, made_by=asked.made_by, cases={},
    )  # fmt: skip
    old = RobustnessRecord.read(asked.folder, new.bundle)
    if old is None:
        return new
    if old.identity != new.identity:
        raise RecipeError(
            f"{csv_path(asked.folder, old.bundle)}: expected results of {new.identity}, got {old.identity}; "
            "remove it and the .json beside it, or give another -o folder."
        )
    return new.model_copy(update={"cases": old.cases})


def _names(asked: Asked, dataset: str) -> tuple[str, ...]:
    """The image as it is, and what is asked for of what has levels for the data set."""
    chosen = asked.perturbations or tuple(PERTURBATIONS)
    return (NONE, *(name for name in PERTURBATIONS if name in chosen and levels_of(name, dataset)))


def _kept(lines: Sequence[Row], dataset: str) -> Rows:
    """The lines by case and perturbation, without those whose levels are not the declared ones."""
    grouped: Rows = {}
    for line in lines:
        grouped.setdefault((line["case"], line["perturbation"]), []).append(line)
    known = {NONE, *PERTURBATIONS}
    return {
        key: own
        for key, own in grouped.items()
        if key[1] in known and tuple(dict.fromkeys(r["level"] for r in own)) == levels_of(key[1], dataset)
    }


def _in_order(rows: Rows) -> Iterator[Row]:
    """All lines in an order that does not depend on how they came about."""
    place = {name: number for number, name in enumerate((NONE, *PERTURBATIONS))}
    for key in sorted(rows, key=lambda key: (key[0], place[key[1]])):
        yield from rows[key]


def _content(case: Case) -> str:
    both = f"{content_sha256(case.image)} {content_sha256(case.mask)}"
    return hashlib.sha256(both.encode()).hexdigest()


def _lines(model: Model, dataset: Dataset, case: Case, scan: Scan, perturbation: str) -> Iterator[Row]:
    """The lines of one case and perturbation: for each level, one a structure."""
    for level in levels_of(perturbation, dataset.name):
        keys = {"case": case.name, "patient": case.patient, "phase": case.phase}
        keys |= {"perturbation": perturbation, "level": level}
        changed = perturbed(scan, perturbation, level, case.name)
        if changed is None:
            nothing = dict.fromkeys(COLUMNS[COLUMNS.index("dice") :], "")
            yield from ({**keys, "structure": name, **nothing} for name in dataset.schema.names)
        else:
            yield from ({**keys, **found} for found in _score(model, dataset.schema, changed))


def _score(model: Model, schema: LabelSchema, scan: Scan) -> Iterator[Row]:
    """What the model makes of one scan, by structure."""
    found = model.segment_volume(Volume(scan.array, scan.geometry))
    orientation = Orientation.of(scan.geometry)
    oriented = scan.geometry.permuted(orientation.axes)
    window = oriented.window_of(found.localisation.region, found.working_geometry)
    inside = window.holds(orientation.apply(scan.labels) > 0)
    segmentation = Segmentation(found.labels[None], scan.geometry, schema)
    warnings = _warnings(segmentation, found, model)
    for structure in schema.structures:
        yield {
            "structure": structure.name,
            "dice": _dice(found.labels, scan.labels, structure.value),
            "dice_before": "" if scan.before is None else _dice(scan.before, scan.labels, structure.value),
            "foreground_inside": str(round(inside, 5)),
            "localisation": str(found.localisation.path),
            "warnings": str(warnings),
        }


def _warnings(segmentation: Segmentation, found: FrameResult, model: Model) -> int:
    """Count what is remarkable about a mask and its image without a calibration."""
    geometry, manifest = segmentation.geometry, model.bundle.manifest
    return len(
        [
            *basic_flags(segmentation, clinical_indices(segmentation), [found.localisation]),
            *unlike_training_images(manifest, geometry, [found.evidence]),
        ]
    )


def _dice(predicted: NDArray[np.uint8], truth: NDArray[np.uint8], value: int) -> str:
    overlap = dice(predicted == value, truth == value)
    return "" if overlap is None else str(round(overlap, 5))
