"""The multi-stage method, trained: localisers by fold, out-of-fold regions, final localiser, segmenter.

Each part leaves an artefact in the run folder and is taken up from there, so a run can be stopped at any
moment.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from septum.core import LocalisationPath, RecipeError
from septum.core.files import write_text
from septum.datasets import load_split
from septum.inference.steps import Stage, localise
from septum.methods.samples import NativeCase, PatchSampler, PreparedCase, prepare_case, read_case
from septum.methods.torch_engine import TorchEngine
from septum.training.loop import Deadline, Fit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import torch

    from septum.datasets import Dataset
    from septum.localisation import LocalisationSettings
    from septum.networks import Network
    from septum.training.recipe import Recipe

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What a finished run has made."""

    localiser: Network
    segmenter: Network
    localisation: LocalisationSettings


class MultiStageRun:
    """One run of a multi-stage recipe.

    Args:
        recipe: what to do.
        dataset: the labelled cases.
        folder: for everything that the run leaves.
        device: to train on.
    """

    def __init__(self, recipe: Recipe, dataset: Dataset, folder: Path, device: torch.device) -> None:
        self.recipe, self.dataset, self.folder, self.device = recipe, dataset, folder, device
        structures = len(dataset.schema.structures)
        if recipe.segmenter.network.out_channels != structures + 1:
            raise RecipeError(
                f"recipe {recipe.name}: {dataset.name} has {structures} structures, so the segmenter needs "
                f"out_channels = {structures + 1}, got {recipe.segmenter.network.out_channels}."
            )
        split = load_split(recipe.dataset)
        patients = split.development if recipe.fold is None else split.training(recipe.fold)
        self.cases = dataset.of(set(patients))
        self._native: list[NativeCase] = []

    def run(self, deadline: Deadline) -> Trained:
        """Do what is left.

        Raises:
            Interrupted: the time budget ended first.
            RecipeError: the folder holds a part that was trained by other settings.
        """
        self._native = [read_case(case, self.dataset) for case in self.cases]
        coarse = self._prepared("localiser")
        centres = self._out_of_fold_centres(coarse, deadline)
        localiser = self._fit("localiser/final", PatchSampler(coarse, {}, self.recipe.localiser), 0, deadline)
        fine = self._prepared("segmenter")
        sampler = PatchSampler(fine, centres, self.recipe.segmenter)
        segmenter = self._fit("segmenter", sampler, 0, deadline)
        return Trained(localiser, segmenter, self._localisation())

    def _prepared(self, stage: str) -> list[PreparedCase]:
        settings = getattr(self.recipe, stage).preprocessing
        return [prepare_case(native, self.dataset.schema.values, settings) for native in self._native]

    def _fit(self, name: str, sampler: PatchSampler, seed: int, deadline: Deadline) -> Network:
        seed += self.recipe.seed
        identity = _hash(
            sampler.settings.model_dump_json(),
            str(seed),
            *(f"{case.name} {sampler.centres.get(case.name)}" for case in sampler.cases),
        )
        return Fit(sampler, seed, self.folder / name, identity, self.device).run(deadline)

    def _out_of_fold_centres(
        self, coarse: Sequence[PreparedCase], deadline: Deadline
    ) -> dict[str, tuple[float, float]]:
        """In-plane centres of the regions that localisers find in cases which they have not seen."""
        file = self.folder / "regions.json"
        identity = self._regions_identity()
        known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        if known.get("identity") != identity:
            known = {"identity": identity, "regions": self._out_of_fold_regions(coarse, deadline)}
            write_text(file, json.dumps(known, indent=1))
        regions = known["regions"]
        shares = [r["foreground_inside"] for r in regions.values()]
        away = sum(r["path"] != LocalisationPath.MAP for r in regions.values())
        LOGGER.info(
            "out-of-fold regions: all foreground inside in %d of %d cases (lowest %.4f), %d by a fallback",
            sum(s == 1 for s in shares), len(shares), min(shares), away,
        )  # fmt: skip
        return {name: (float(r["centre"][0]), float(r["centre"][1])) for name, r in regions.items()}

    def _out_of_fold_regions(
        self, coarse: Sequence[PreparedCase], deadline: Deadline
    ) -> dict[str, dict[str, object]]:
        settings = self.recipe.localiser.with_epochs(self.recipe.localiser_fold_epochs)
        found: dict[str, dict[str, object]] = {}
        for fold, held_out in enumerate(self._parts()):
            training = [c for c in coarse if c.patient not in held_out]
            sampler = PatchSampler(training, {}, settings)
            network = self._fit(f"localiser/fold{fold}", sampler, 1 + fold, deadline)
            found |= self._regions(network, (n for n in self._native if n.case.patient in held_out))
        return found

    def _regions_identity(self) -> str:
        recipe = self.recipe
        return _hash(
            recipe.localiser.model_dump_json(),
            recipe.localisation.model_dump_json(),
            recipe.segmenter.preprocessing.model_dump_json(),  # centres are in voxels of its grid
            f"{recipe.localiser_folds} {recipe.localiser_fold_epochs} {recipe.seed}",
            *(case.name for case in self.cases),
        )

    def _parts(self) -> list[set[str]]:
        """Patients by part, each group spread over all of them."""
        groups = {case.patient: case.group for case in self.cases}
        ordered = sorted(groups, key=lambda patient: (groups[patient], patient))
        return [set(ordered[i :: self.recipe.localiser_folds]) for i in range(self.recipe.localiser_folds)]

    def _regions(self, network: Network, natives: Iterable[NativeCase]) -> dict[str, dict[str, object]]:
        stage = Stage(TorchEngine(network), self.recipe.localiser.preprocessing)
        settings = self._localisation()
        regions: dict[str, dict[str, object]] = {}
        for native in natives:
            case = prepare_case(native, self.dataset.schema.values, self.recipe.segmenter.preprocessing)
            found = localise(native.volume, stage, case.geometry, settings)
            region = found.region
            regions[native.case.name] = {
                "centre": [(region.start[a] + region.stop[a] - 1) / 2 for a in (1, 2)],
                "size": list(region.size),
                "path": str(found.path),
                "foreground_inside": region.holds(case.classes.numpy() > 0),
            }
        return regions

    def _localisation(self) -> LocalisationSettings:
        """The recipe's settings with the mean centre of the training cases filled in."""
        centres = [
            np.argwhere(native.labels > 0).mean(axis=0) / np.maximum(np.array(native.labels.shape) - 1, 1)
            for native in self._native
            if native.labels.any()
        ]
        z, y, x = np.mean(centres, axis=0).tolist()
        return self.recipe.localisation.model_copy(update={"training_centre": (z, y, x)})


def _hash(*parts: str) -> str:
    """SHA-256 of everything that a result depends on, by which it is known again."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
