"""A data set of one's own, in nnU-Net's raw layout: ``dataset.json``, ``imagesTr`` and ``labelsTr``.

Source: https://github.com/MIC-DKFZ/nnUNet, ``documentation/dataset_format.md``. Labels by value and
``modality`` are those of version 1.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from septum.core import LEFT_ATRIUM, VENTRICLES, LabelSchema, RecipeError, Structure
from septum.core.settings_error import describe
from septum.datasets.descriptor import Case, Dataset, Descriptor
from septum.io import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from pathlib import Path

DESCRIPTION = "dataset.json"
#: What an image's name has between the case and the ending: the number of its channel.
CHANNEL = "_0000"
#: What nnU-Net's own script writes where nobody stated a licence begins so.
UNSTATED = "Whoever converted this dataset was lazy"

#: Structures whose meaning is known from their names.
KNOWN = {one.name: one for one in (*VENTRICLES.structures, *LEFT_ATRIUM.structures)}
#: For the others, in turn.
COLOURS = (
    (220, 60, 50), (70, 190, 90), (60, 110, 230), (240, 190, 40), (160, 80, 200), (40, 190, 200),
    (240, 130, 40), (230, 120, 180), (150, 110, 70), (140, 140, 140),
)  # fmt: skip


class Description(BaseModel):
    """What is read of ``dataset.json``; its other keys are passed over.

    Attributes:
        labels: name to value; or, as in version 1, value to name.
        channels: of an image.
        cases: number of them.
        ending: of all files' names.
        name, licence, reference: empty where they are not stated.
    """

    model_config = ConfigDict(frozen=True)

    labels: dict[str, Any]
    channels: dict[str, Any] | list[Any] = Field(validation_alias=AliasChoices("channel_names", "modality"))
    cases: int = Field(validation_alias="numTraining")
    ending: str = Field(default=".nii.gz", validation_alias="file_ending")
    name: str = ""
    licence: str | list[str] = Field(default="", validation_alias=AliasChoices("licence", "license"))
    reference: str | list[str] = Field(default="", validation_alias=AliasChoices("citation", "reference"))


def nnunet(root: Path) -> Dataset:
    """The training cases of a folder in nnU-Net's layout; each counts as a patient (see :func:`by_patient`).

    Images and masks are not opened here.

    Args:
        root: folder with ``dataset.json``, ``imagesTr/NAME_0000.nii.gz`` and ``labelsTr/NAME.nii.gz``.

    Raises:
        RecipeError: it is no such folder, something is missing, or it has what Septum does not know: regions,
            an ignore label, several channels.
    """
    file = root / DESCRIPTION
    described = read_description(file)
    schema = schema_of(file, described.labels)
    if len(described.channels) != 1:
        raise RecipeError(
            f"{file}: expected images of one channel, got {len(described.channels)}; leave one in "
            f"channel_names and in imagesTr, as NAME{CHANNEL}{described.ending}."
        )
    if described.ending not in IMAGE_SUFFIXES:
        raise RecipeError(
            f"{file}: file_ending: expected one of {', '.join(IMAGE_SUFFIXES)}, got {described.ending!r}; "
            "convert the files to NIfTI or NRRD."
        )
    cases = _cases(root, described.ending)
    if len(cases) != described.cases:
        raise RecipeError(
            f"{file}: numTraining: expected the number of images in imagesTr, {len(cases)}, got "
            f"{described.cases}; correct it, or restore what is missing."
        )
    licence = _joined(described.licence)
    return Dataset(
        "nnunet", schema, {}, cases,
        citation=_joined(described.reference),
        terms="" if licence.startswith(UNSTATED) else licence,
        title=described.name.strip() or "data in nnU-Net's layout",
    )  # fmt: skip


def by_patient(dataset: Dataset, pattern: str) -> Dataset:
    """The same cases, each of the patient that its name tells.

    Args:
        dataset: whose patients are its cases.
        pattern: regular expression at the beginning of each name; its first group is the patient.

    Raises:
        RecipeError: it does not fit a name.
    """
    cases = []
    for case in dataset.cases:
        found = re.match(pattern, case.name)
        if found is None or not found[1]:
            raise RecipeError(
                f"{case.image}: patient_pattern: expected a name that begins with {pattern!r} and tells the "
                f"patient by its first group, got {case.name!r}; correct the pattern or the name."
            )
        cases.append(replace(case, patient=found[1]))
    return replace(dataset, cases=tuple(cases))


def read_description(file: Path) -> Description:
    """What a ``dataset.json`` says. Raises :class:`RecipeError`.

    Args:
        file: its path.
    """
    try:
        return Description.model_validate(json.loads(file.read_bytes()))
    except OSError as error:
        raise RecipeError(
            f"{file}: expected the description of a data set in nnU-Net's layout, and it cannot be read "
            f"({error.strerror}); give the folder that holds it, imagesTr and labelsTr."
        ) from error
    except ValidationError as error:
        raise RecipeError(f"{file}: {describe(error)}; write it as nnU-Net's layout has it.") from error
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{file} is not valid JSON ({error}); correct it.") from error


def schema_of(file: Path, labels: dict[str, Any]) -> LabelSchema:
    """The structures in the order of their values.

    Args:
        file: that has them, for messages.
        labels: name to value, or value to name.

    Raises:
        RecipeError: they are not 0, 1, 2 and so on, each once and with a name of its own.
    """
    by_value = bool(labels) and all(key.isdecimal() for key in labels)
    pairs = (
        [(int(key), name) for key, name in labels.items()]
        if by_value
        else [(v, k) for k, v in labels.items()]
    )
    if any(isinstance(value, (list, tuple)) for value, _ in pairs):
        raise RecipeError(
            f"{file}: labels: expected one value for each structure, got regions of several; give each value "
            "a name of its own."
        )
    if any(str(name).lower() == "ignore" for _, name in pairs):
        raise RecipeError(
            f"{file}: labels: Septum has no ignore label, and expects every voxel to be labelled; remove it "
            "from the masks and from here."
        )
    names = {int(value): str(name).strip() for value, name in pairs if str(value).isdigit()}
    if len(names) != len(pairs) or sorted(names) != list(range(len(names))) or not 2 <= len(names) <= 256:
        raise RecipeError(
            f"{file}: labels: expected the values 0 (background), 1, 2 and so on, each once, got "
            f"{[value for value, _ in pairs]!s:.60}; number the structures so, in the masks, too."
        )
    structures = [names[value] for value in range(1, len(names))]
    if len(set(structures)) != len(structures) or not all(structures):
        raise RecipeError(f"{file}: labels: expected a name of its own for each structure, got {structures}.")
    return LabelSchema(structures=tuple(_structures(structures)))


def _structures(names: list[str]) -> list[Structure]:
    """Each with a colour of its own, as long as there are enough."""
    own = {one.name: one.colour for one in VENTRICLES.structures if one.name in names}
    others = [colour for colour in COLOURS if colour not in own.values()]
    unknown = [name for name in names if name not in own]
    own |= {name: others[i % len(others)] for i, name in enumerate(unknown)}
    return [
        Structure(
            name=name, value=value, meaning=KNOWN[name].meaning if name in KNOWN else "", colour=own[name]
        )
        for value, name in enumerate(names, start=1)
    ]


def _cases(root: Path, ending: str) -> tuple[Case, ...]:
    images = _files(root / "imagesTr", ending)
    masks = _files(root / "labelsTr", ending)
    for name in images:
        if not name.endswith(CHANNEL) or name == CHANNEL:
            raise RecipeError(
                f"{images[name]}: expected the name of an image's only channel, NAME{CHANNEL}{ending}; "
                "rename it, or leave one channel of each image."
            )
    found = {name.removesuffix(CHANNEL): path for name, path in images.items()}
    for name in sorted(found.keys() ^ masks.keys()):
        here, there = (found, "labelsTr") if name in found else (masks, "imagesTr")
        other = f"{name}{ending}" if name in found else f"{name}{CHANNEL}{ending}"
        raise RecipeError(
            f"{here[name]}: expected {other} in {there} beside it, and there is none; restore or remove "
            "the other."
        )
    if not found:
        raise RecipeError(f"{root / 'imagesTr'}: expected images NAME{CHANNEL}{ending}, found none.")
    return tuple(Case(name, name, "", "", found[name], masks[name]) for name in sorted(found))


def _files(folder: Path, ending: str) -> dict[str, Path]:
    """By name without ending; hidden files and those of other endings are passed over."""
    if not folder.is_dir():
        raise RecipeError(f"{folder}: expected a folder of that name beside {DESCRIPTION}, found none.")
    return {
        path.name.removesuffix(ending): path
        for path in sorted(folder.iterdir())
        if path.name.endswith(ending) and not path.name.startswith(".")
    }


def _joined(text: str | list[str]) -> str:
    return " ".join("; ".join([text] if isinstance(text, str) else text).split())


NNUNET = Descriptor(key="nnunet", title="data in nnU-Net's layout", load=nnunet)
