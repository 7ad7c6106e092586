"""What a trained nnU-Net of version 2 left: plans, data set, checkpoints; and what of it Septum can run.

Source: https://github.com/MIC-DKFZ/nnUNet, version 2: ``plans.json``, ``dataset.json``, ``fold_N`` with its
checkpoints, and ``crossval_results_folds_...`` with what was found to be good to do to the masks.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from septum.core import BundleError, Role
from septum.datasets.nnunet import DESCRIPTION, KNOWN, read_description, schema_of
from septum.inference.windows import WindowSettings
from septum.preprocessing.spline import IntensityRange, Interpolation, SplineSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from septum.core import LabelSchema

PLANS = "plans.json"
#: Trainers that change neither the network nor what is done before and after it.
_TRAINERS = re.compile(r"nnUNetTrainer(_?(NoMirroring|onlyMirror01|DA5|NoDA|noDummy2DDA|\d+epochs?))*")
_PREPROCESSOR = "DefaultPreprocessor"
_RESAMPLING = "resample_data_or_seg_to_shape"
_NORMALISATION = {
    "ZScoreNormalization": "volume",
    "CTNormalization": "range",
    "NoNormalization": "none",
    "RescaleTo01Normalization": "extremes",
}
_KEEP_LARGEST = "remove_all_but_largest_component_from_segmentation"
#: What data sets of hearts call the parts that indices are of, without case and punctuation.
_ROLES = {
    Role.LV: ("lv", "lvc", "lvcavity", "lvbp", "lvbloodpool", "leftventricle", "leftventricularcavity"),
    Role.MYO: ("myo", "mlv", "lvm", "lvmyo", "myocardium", "lvmyocardium", "leftventricularmyocardium"),
    Role.RV: ("rv", "rvc", "rvcavity", "rvbp", "rvbloodpool", "rightventricle", "rightventricularcavity"),
    Role.LA: ("la", "lac", "lacavity", "leftatrium", "leftatrialcavity"),
}


@dataclass(frozen=True)
class Results:
    """A trained configuration of nnU-Net.

    Attributes:
        folder: with plans, data set and folds.
        plans: contents of ``plans.json``.
        configuration: settings of the one that was trained, what it inherits included.
        name: of the configuration.
        schema: structures of the masks.
        labels: number of output channels, background included.
        licence: of the data set, as far as it is stated.
    """

    folder: Path
    plans: dict[str, Any]
    configuration: dict[str, Any]
    name: str
    schema: LabelSchema
    licence: str

    @classmethod
    def of(cls, folder: Path, roles: Mapping[str, Role]) -> Results:
        """Read and check a folder of results; no checkpoint is opened.

        Args:
            folder: ``nnUNetTrainer__nnUNetPlans__2d`` or its like, or one above it that holds a single one.
            roles: part of the heart that a structure is, by the structure's name; of the others it is taken
                from their names.

        Raises:
            BundleError: it is none, or has what Septum cannot run.
            RecipeError: the data set is not described as nnU-Net does.
        """
        folder = _configuration_folder(folder)
        plans = read_json(folder / PLANS)
        name = folder.name.split("__")[-1]
        configuration = _configuration(folder / PLANS, plans, name)
        _check(folder, configuration, plans)
        described = read_description(folder / DESCRIPTION)
        if len(described.channels) != 1:
            raise BundleError(
                f"{folder / DESCRIPTION}: expected a model for images of one channel, got "
                f"{len(described.channels)}; Septum reads one image of a study."
            )
        labels = {key: value for key, value in described.labels.items() if str(key).lower() != "ignore"}
        if any(isinstance(value, (list, tuple)) for value in labels.values()):
            raise BundleError(
                f"{folder / DESCRIPTION}: expected one value for each structure, and the model was trained "
                "on regions of several; train it on labels."
            )
        schema = with_roles(schema_of(folder / DESCRIPTION, labels), roles)
        licence = described.licence if isinstance(described.licence, str) else "; ".join(described.licence)
        return cls(folder, plans, configuration, name, schema, licence.strip())

    @property
    def dataset(self) -> str:
        """Name of the data set, ``Dataset027_ACDC``."""
        return str(self.plans.get("dataset_name") or self.folder.parent.name)

    @property
    def dimensions(self) -> int:
        """2 for a network that sees single slices, else 3."""
        return len(self.configuration["patch_size"])

    def folds(self, asked: Sequence[str], checkpoint: str) -> dict[str, Path]:
        """The checkpoint of each fold, by the fold's name.

        Args:
            asked: names of folds; all that are there without any, as nnU-Net has it.
            checkpoint: ``final`` or ``best``.

        Raises:
            BundleError: one is missing, or there is none.
        """
        name = f"checkpoint_{checkpoint}.pth"
        there = {path.parent.name.removeprefix("fold_"): path for path in self.folder.glob(f"fold_*/{name}")}
        trained = {fold: there[fold] for fold in sorted(there) if fold != "all"} or there
        for fold in asked:
            if fold not in there:
                raise BundleError(
                    f"{self.folder / f'fold_{fold}' / name}: expected the checkpoint of that fold, and there "
                    f"is none; there are {', '.join(sorted(there)) or 'no folds'}."
                )
        if not trained:
            raise BundleError(f"{self.folder}: expected fold_0/{name} or its like, and there is none.")
        return {fold: there[fold] for fold in asked} if asked else trained

    def preprocessing(self) -> SplineSettings:
        """How an image is prepared. Raises :class:`BundleError` for what Septum does not know."""
        scheme = self.configuration["normalization_schemes"][0]
        normalise: Any = _NORMALISATION.get(scheme)
        if normalise is None:
            raise self._unknown(f"the normalisation {scheme}")
        if normalise == "volume" and self.configuration["use_mask_for_norm"][0]:
            normalise = "nonzero"
        spacing = [float(value) for value in self.configuration["spacing"]]
        *across, y, x = spacing
        return SplineSettings(
            spacing_mm=(across[0] if across else None, y, x),
            normalise=normalise,
            intensities=self._intensities() if normalise == "range" else None,
            image=self._interpolation("resampling_fn_data"),
            logits=self._interpolation("resampling_fn_probabilities"),
        )

    def window(self, mirror_axes: Sequence[int]) -> WindowSettings:
        """Where the network looks; ``mirror_axes`` are counted among the axes that it sees."""
        size = [int(count) for count in self.configuration["patch_size"]]
        z, y, x = size if self.dimensions == 3 else (1, *size)
        return WindowSettings(size=(z, y, x), mirror_axes=tuple(a + 3 - self.dimensions for a in mirror_axes))

    def keep_largest(self, folds: Sequence[str]) -> tuple[tuple[int, ...], ...]:
        """The postprocessing that a cross-validation of these folds found; none where there is none.

        Raises:
            BundleError: it is more than to keep the largest component.
        """
        file = self.folder / f"crossval_results_folds_{'_'.join(folds)}" / "postprocessing.json"
        if not file.is_file():
            return ()
        found = read_json(file)
        kept = []
        names, arguments = found.get("postprocessing_fns", []), found.get("postprocessing_kwargs", [])
        for name, options in zip(names, arguments, strict=False):
            if name != _KEEP_LARGEST:
                raise BundleError(f"{file}: Septum does not know the postprocessing {name}.")
            values = options["labels_or_regions"]
            kept.append(tuple(int(value) for value in (values if isinstance(values, list) else [values])))
        return tuple(kept)

    def _intensities(self) -> IntensityRange:
        known = self.plans["foreground_intensity_properties_per_channel"]["0"]
        return IntensityRange(
            mean=known["mean"],
            std=known["std"],
            low=known["percentile_00_5"],
            high=known["percentile_99_5"],
        )

    def _interpolation(self, field: str) -> Interpolation:
        if self.configuration[field] != _RESAMPLING:
            raise self._unknown(f"the resampling {self.configuration[field]}")
        options = self.configuration[f"{field}_kwargs"]
        return Interpolation(
            order=options["order"], order_across=options["order_z"],
            slice_by_slice=options["force_separate_z"],
        )  # fmt: skip

    def _unknown(self, what: str) -> BundleError:
        return BundleError(f"{self.folder / PLANS}: Septum does not know {what}; plan and train without it.")


def check_trainer(file: Path, trainer: str) -> None:
    """Refuse a trainer whose network or preprocessing may be another. Raises :class:`BundleError`.

    Args:
        file: that names it, for messages.
        trainer: its name.

    >>> from pathlib import Path
    >>> check_trainer(Path("fold_0"), "nnUNetTrainer_250epochs")
    """
    if _TRAINERS.fullmatch(trainer) is None:
        raise BundleError(
            f"{file}: expected nnUNetTrainer, or one that differs in epochs or augmentation, and it was "
            f"trained by {trainer}; Septum cannot know what a trainer of one's own changes."
        )


def with_roles(schema: LabelSchema, roles: Mapping[str, Role]) -> LabelSchema:
    """Say which part of the heart each structure is: as given, or as its name says.

    Args:
        schema: the structures.
        roles: by names of structures.

    Raises:
        BundleError: there is no such structure, or two are the same part.

    >>> from septum.core import Structure, LabelSchema
    >>> schema = LabelSchema(structures=(Structure(name="LVC", value=1), Structure(name="wall", value=2)))
    >>> [one.tag for one in with_roles(schema, {"wall": Role.MYO}).structures]
    ['LV', 'MYO']
    """
    for name in roles:
        if name not in schema.names:
            raise BundleError(f"no structure {name!r}: the model knows {', '.join(schema.names)}.")
    taken = {**{name: role for name in schema.names if (role := _role_by_name(name))}, **roles}
    twice = [role for role in set(taken.values()) if list(taken.values()).count(role) > 1]
    if twice:
        names = " and ".join(name for name, role in taken.items() if role is twice[0])
        raise BundleError(f"{names} are both {twice[0]}: expected one structure for each part of the heart.")
    known = {one.role: one for one in KNOWN.values()}
    structures = tuple(
        one.model_copy(
            update={
                "role": taken.get(one.name),
                "meaning": known[taken[one.name]].meaning if one.name in taken else one.meaning,
            }
        )
        for one in schema.structures
    )
    return schema.model_copy(update={"structures": structures})


def read_json(file: Path) -> dict[str, Any]:
    """The object in a JSON file of nnU-Net. Raises :class:`BundleError`."""
    try:
        found = json.loads(file.read_bytes())
    except OSError as error:
        raise BundleError(
            f"{file} cannot be read ({error.strerror}): expected a file that nnU-Net writes; give the folder "
            "with plans.json, dataset.json and fold_0."
        ) from error
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{file} is not valid JSON ({error}); restore it.") from error
    if not isinstance(found, dict):
        raise BundleError(f"{file}: expected an object as nnU-Net writes it; restore it.")
    return found


def _role_by_name(name: str) -> Role | None:
    plain = re.sub("[^a-z]", "", name.lower())
    return next((role for role, names in _ROLES.items() if plain in names), None)


def _configuration_folder(folder: Path) -> Path:
    """The folder with the plans: this one, or the only one in it."""
    if (folder / PLANS).is_file():
        return folder
    below = sorted(path.parent for path in folder.glob(f"*/{PLANS}")) if folder.is_dir() else []
    if len(below) == 1:
        return below[0]
    if below:
        raise BundleError(
            f"{folder}: expected the results of one configuration, and there are "
            f"{', '.join(path.name for path in below)}; give one of them. Septum runs no ensemble of several."
        )
    raise BundleError(
        f"{folder}: expected the results of a trained nnU-Net of version 2, with {PLANS}, {DESCRIPTION} and "
        "fold_0; give nnUNet_results/DATASET/TRAINER__PLANS__CONFIGURATION."
    )


def _configuration(file: Path, plans: dict[str, Any], name: str) -> dict[str, Any]:
    """The settings of a configuration, with those of the one that it inherits from."""
    every = plans.get("configurations")
    if not isinstance(every, dict) or not isinstance(every.get(name), dict):
        raise BundleError(
            f"{file}: expected the configuration {name}, after which the folder is named, and it has none; "
            "restore the name of the folder or the plans."
        )
    found = dict(every[name])
    parent = found.pop("inherits_from", None)
    for _ in every:
        if parent is None:
            break
        found = {**every.get(parent, {}), **found}
        parent = found.pop("inherits_from", None)
    return found


def _check(folder: Path, configuration: dict[str, Any], plans: dict[str, Any]) -> None:
    """Refuse cascades, and plans that Septum does not know. Raises :class:`BundleError`."""
    file = folder / PLANS
    if configuration.get("previous_stage") or "cascade" in folder.name.split("__")[-1]:
        raise BundleError(
            f"{folder}: expected a model that needs only the image, and this is the second stage of a "
            "cascade; give the results of 2d or 3d_fullres."
        )
    if configuration.get("preprocessor_name") != _PREPROCESSOR:
        raise BundleError(
            f"{file}: expected {_PREPROCESSOR}, got {configuration.get('preprocessor_name')}; Septum cannot "
            "know what a preprocessor of one's own does."
        )
    if not isinstance(configuration.get("architecture"), dict):
        raise BundleError(
            f"{file}: expected plans with an architecture, as nnU-Net 2.5 and newer write them; plan anew "
            "with such a version, and train."
        )
    lacking = [
        key
        for key in ("patch_size", "spacing", "normalization_schemes", "use_mask_for_norm",
                    "resampling_fn_data", "resampling_fn_data_kwargs", "resampling_fn_probabilities",
                    "resampling_fn_probabilities_kwargs")
        if key not in configuration
    ]  # fmt: skip
    if lacking:
        raise BundleError(
            f"{file}: expected {lacking[0]} in the configuration, and it is missing; restore it."
        )
    forward = plans.get("transpose_forward", [0, 1, 2])
    if forward != [forward[0], *(axis for axis in range(3) if axis != forward[0])]:
        raise BundleError(
            f"{file}: expected transpose_forward that puts the slices first, got {forward}; plan and train "
            "without it."
        )
