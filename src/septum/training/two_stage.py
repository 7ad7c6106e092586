"""Methods of two stages: a first network finds the region, a second one segments in it.

First-stage networks by fold, the regions that these find in cases which they have not seen, the final first
stage, the segmenter. Each part leaves an artefact in the run folder and is taken up from there, so a run can
be stopped at any moment.
"""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from septum.core import LocalisationPath, PartReport, RecipeError, Volume
from septum.core.files import write_text
from septum.core.locks import lock
from septum.inference import Segmenter, Stage
from septum.methods.patches import PatchSampler
from septum.methods.pipeline import Pipeline, prepared_now
from septum.methods.torch_engine import TorchEngine
from septum.preprocessing import prepared_geometry
from septum.training.objective import stage_task
from septum.training.partition import Partition, few_of
from septum.training.parts import DIGITS, PartBusyError, digest
from septum.training.validation import FOREGROUND, dice_of_structures, scoring_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from torch import nn

    from septum.datasets import Case
    from septum.localisation import LocalisationSettings
    from septum.methods.pipeline import Finder, Preparation
    from septum.methods.samples import NativeCase
    from septum.methods.settings import TrainingSettings
    from septum.preprocessing import PreprocessingSettings
    from septum.training.loop import Deadline, Initial
    from septum.training.objective import Task
    from septum.training.partition import TrainingData
    from septum.training.parts import Parts
    from septum.training.recipe import DetectThenSegmentRecipe, MultiStageRecipe
    from septum.training.validation import Measure, Scoring

LOGGER = logging.getLogger(__name__)

#: Name of the first stages that do not see all training cases, before their number.
FOLD = "localiser/fold"
#: And of the one that does.
FINAL = "localiser/final"

#: In-plane centre (y, x) of a case's region, in voxels of the segmenter's grid, by the case's name.
Centres = dict[str, tuple[float, float]]
#: Patients that a training takes at least.
LEAST = 2
#: What was found in each case, by its name.
Regions = dict[str, dict[str, Any]]


class TwoStageRun(ABC):
    """One run of a recipe of two stages.

    Args:
        recipe: what to do.
        data: what it learns from.
        parts: where networks are trained and kept.
    """

    #: Scores the first stage on a case.
    first_measure: Measure = staticmethod(dice_of_structures)
    #: What that score is.
    first_quantity = "dice"

    def __init__(
        self, recipe: MultiStageRecipe | DetectThenSegmentRecipe, data: TrainingData, parts: Parts
    ) -> None:
        recipe.require_channels(recipe.segmenter, data.store.dataset.schema)
        patients = {case.patient for case in data.partition.training}
        if len(patients) < LEAST:
            raise RecipeError(
                f"recipe {recipe.name}: expected at least {LEAST} patients to train on, since the region of "
                f"each is found by a network that has not seen it, got {len(patients)}; leave out 'fold'."
            )
        self.recipe, self.data, self.parts = recipe, data, parts
        self.store, self.partition = data.store, data.partition
        self.values, self.names = data.store.dataset.schema.values, data.store.dataset.schema.names

    @abstractmethod
    def first_task(self) -> Task:
        """The first network and its objective."""

    @abstractmethod
    def find_with(self, first: nn.Module, prepared: Preparation = prepared_now) -> Finder:
        """How a trained first network finds the region of a case."""

    def find_at_test(self, first: nn.Module) -> Finder:
        """How the region of a test case is found."""
        return self.find_with(first)

    def segmenter_task(self) -> Task:
        """The second network and its objective."""
        return stage_task(self.recipe.segmenter)

    def first_initial(self) -> tuple[Initial | None, str]:
        """As :meth:`initial_weights`, of the first network."""
        return None, ""

    def initial_weights(self, deadline: Deadline) -> tuple[Initial | None, str]:  # noqa: ARG002
        """What changes the segmenter's fresh weights, and an identity of what it comes from."""
        return None, ""

    def train(self, deadline: Deadline) -> tuple[nn.Module, nn.Module]:
        """Do what is left, and give the networks of both stages.

        Raises:
            Interrupted: the time budget ended first.
            RecipeError: the folder holds a part that was trained by other settings.
        """
        centres = self._out_of_fold_centres(deadline)
        first = self._fit_first(FINAL, 0, deadline)
        centres |= self._validation_centres(first)
        initial, source = self.initial_weights(deadline)
        sampler = self.sampler(self.partition.training, self.recipe.segmenter, centres)
        segmenter = self.parts.fit(
            "segmenter",
            self.segmenter_task(),
            sampler,
            self.recipe.seed,
            deadline,
            scoring=self._scoring(sampler, self.names, self.partition, centres),
            initial=initial,
            depends_on=source,
        )
        return first, segmenter

    def pipeline(self, deadline: Deadline) -> Pipeline:
        """Train, and give the method as it runs on test cases. Raises as :meth:`train`."""
        first, segmenter = self.train(deadline)
        stage = Stage(TorchEngine(segmenter), self.recipe.segmenter.preprocessing)
        return Pipeline(self.find_at_test(first), Segmenter(stage, self.values))

    def localisation(self) -> LocalisationSettings:
        """The recipe's settings with the mean centre of the training cases filled in."""
        centres = []
        for case in self.partition.training:
            native = self.store.native(case)
            if native.labels.any():
                grid = prepared_geometry(native.volume.geometry, self.recipe.segmenter.preprocessing)
                middle_mm = native.volume.geometry.to_patient_mm(np.argwhere(native.labels).mean(axis=0))
                centres.append(grid.to_index(middle_mm) / np.maximum(np.array(grid.shape) - 1, 1))
        z, y, x = np.mean(centres, axis=0).tolist()
        return self.recipe.localisation.model_copy(update={"training_centre": (z, y, x)})

    def sampler(self, cases: Iterable[Case], settings: TrainingSettings, centres: Centres) -> PatchSampler:
        """Patches of these cases on the device."""
        prepared = [self.store.prepared(c, settings.preprocessing).on(self.parts.device) for c in cases]
        return PatchSampler(prepared, centres, settings)

    def _fit_first(
        self, name: str, seed: int, deadline: Deadline, held_out: set[str] | None = None
    ) -> nn.Module:
        """Train a first stage: on all training cases and validated, or without the patients held out.

        The latter has a fixed number of epochs, so that nothing of it is chosen by the cases that it is to
        find regions in.
        """
        settings: Any = self.recipe.localiser
        partition = self.partition
        if held_out is not None:
            settings = settings.with_epochs(self.recipe.localiser_fold_epochs)
            left_out = tuple(c for c in partition.training if c.patient in held_out)
            partition = Partition(
                tuple(c for c in partition.training if c.patient not in held_out), monitoring=left_out
            )
        sampler = self.sampler(partition.training, settings, {})
        names = self.names if len(self.names) == 1 else (FOREGROUND,)
        scoring = self._scoring(sampler, names, partition, {})
        if scoring is not None:
            scoring = replace(scoring, measure=self.first_measure, quantity=self.first_quantity)
        seed += self.recipe.seed
        initial, source = self.first_initial()
        return self.parts.fit(
            name, self.first_task(), sampler, seed, deadline,
            scoring=scoring, initial=initial, depends_on=source,
        )  # fmt: skip

    def _scoring(
        self, training: PatchSampler, names: tuple[str, ...], partition: Partition, centres: Centres
    ) -> Scoring | None:
        """Score a training as :func:`scoring_of` says."""
        return scoring_of(partition, training, lambda c: self.sampler(c, training.settings, centres), names)

    def _out_of_fold_centres(self, deadline: Deadline) -> Centres:
        """In-plane centres of the regions that first stages find in cases which they have not seen."""
        identity = self._regions_identity()
        regions = self._kept("regions", identity, lambda: self._out_of_fold_regions(deadline))
        shares = [r["foreground_inside"] for r in regions.values()]
        found = (LocalisationPath.MAP, LocalisationPath.DETECTOR)
        away = sum(r["path"] not in found for r in regions.values())
        LOGGER.info(
            "out-of-fold regions: all foreground inside in %d of %d cases (lowest %.4f), %d by a fallback",
            sum(s == 1 for s in shares), len(shares), min(shares), away,
        )  # fmt: skip
        return {name: _centre(region) for name, region in regions.items()}

    def _validation_centres(self, first: nn.Module) -> Centres:
        """In-plane centres of the regions that the final first stage finds in cases that it has not seen."""
        cases = self.partition.validation or few_of(self.partition.monitoring)
        if not cases:
            return {}
        known = (f"{case.name} {self._content(case)}" for case in cases)
        identity = digest(self.parts.identities[FINAL], self._regions_identity(), *known)
        regions = self._kept("validation-regions", identity, lambda: self._regions(first, cases))
        return {name: _centre(region) for name, region in regions.items()}

    def _kept(self, stem: str, identity: str, find: Callable[[], Regions]) -> Regions:
        """Regions found once and then read, since those of another device can differ by a voxel."""
        name = f"{stem}-{identity[:DIGITS]}.json" if self.parts.shared else f"{stem}.json"
        file = self.parts.folder / name
        with lock(file.with_name(f".{name}.lock")) as free:
            if not free:
                raise PartBusyError(f"{file} is being made by another process.")
            known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
            if known.get("identity") != identity:
                regions = find()
                reports = [asdict(r) for name, r in self.parts.reports.items() if name.startswith(FOLD)]
                known = {"identity": identity, "regions": regions, "parts": reports}
                write_text(file, json.dumps(known, indent=1))
        for report in known["parts"]:
            self.parts.reports.setdefault(report["name"], PartReport(**report))
        return dict(known["regions"])

    def _out_of_fold_regions(self, deadline: Deadline) -> Regions:
        found: Regions = {}
        for fold, held_out in enumerate(self._parts()):
            first = self._fit_first(f"{FOLD}{fold}", 1 + fold, deadline, held_out)
            cases = [c for c in self.partition.training if c.patient in held_out]
            found |= self._regions(first, cases)
        return found

    def _regions_identity(self) -> str:
        recipe = self.recipe
        return digest(
            recipe.localiser.model_dump_json(exclude_defaults=True),
            recipe.localisation.model_dump_json(exclude_defaults=True),
            recipe.segmenter.preprocessing.model_dump_json(
                exclude_defaults=True
            ),  # centres are in voxels of its grid
            f"{recipe.localiser_folds} {recipe.localiser_fold_epochs} {recipe.seed}{self.first_initial()[1]}",
            f"{self.parts.max_epochs.get('localiser')}",
            *(f"{case.name} {self._content(case)}" for case in self.partition.training),
        )

    def _content(self, case: Case) -> str:
        """What a case's region depends on besides settings, where parts are shared."""
        return self.store.content(case, self.recipe.segmenter.preprocessing) if self.parts.shared else ""

    def _parts(self) -> list[set[str]]:
        """Patients by part, each group spread over all of them; of fewer patients than parts, one each."""
        groups = {case.patient: case.group for case in self.partition.training}
        ordered = sorted(groups, key=lambda patient: (groups[patient], patient))
        count = min(self.recipe.localiser_folds, len(ordered))
        return [set(ordered[i::count]) for i in range(count)]

    def _regions(self, first: nn.Module, cases: Iterable[Case]) -> Regions:
        find = self.find_with(first, self._kept_image)
        regions: Regions = {}
        for case in cases:
            prepared = self.store.prepared(case, self.recipe.segmenter.preprocessing)
            found = find(self.store.native(case), prepared.geometry)
            region = found.region
            regions[case.name] = {
                "centre": [(region.start[a] + region.stop[a] - 1) / 2 for a in (1, 2)],
                "size": list(region.size),
                "path": str(found.path),
                "foreground_inside": region.holds(prepared.classes.numpy() > 0),
            }
        return regions

    def _kept_image(self, native: NativeCase, settings: PreprocessingSettings) -> Volume:
        """The image that the store has prepared already, since a training may need it often."""
        prepared = self.store.prepared(native.case, settings)
        return Volume(prepared.image.numpy(), prepared.geometry)


def _centre(region: Mapping[str, Any]) -> tuple[float, float]:
    y, x = region["centre"]
    return (float(y), float(x))
