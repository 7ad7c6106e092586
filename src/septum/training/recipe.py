"""A recipe: everything that decides what a training run does, in one TOML file."""

from __future__ import annotations

import hashlib
import tomllib
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from septum.core import RecipeError
from septum.inference import PostprocessingSettings
from septum.localisation import LocalisationSettings
from septum.methods.settings import StageSettings

if TYPE_CHECKING:
    from pathlib import Path


class Recipe(BaseModel):
    """One training run of the multi-stage method.

    Attributes:
        name: of the bundle that comes out.
        title: one line on what the bundle does, for its users.
        dataset: key of ``datasets.REGISTRY``.
        method: how the networks are composed.
        seed: of every random draw.
        fold: which fold validates; ``None`` trains on all patients that do not test.
        localiser_folds: number of parts for out-of-fold regions.
        localiser_fold_epochs: epochs of the localisers that make those regions; fewer than the final one's
            make regions that err a little more than those of use, which the segmenter should bear.
        localiser: first stage, one foreground channel.
        localisation: map to region.
        segmenter: second stage, background and one channel a structure.
        postprocessing: of the mask.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    dataset: Literal["acdc", "lasc"]
    method: Literal["multi_stage"] = "multi_stage"
    seed: int = 0
    fold: int | None = Field(default=None, ge=0, le=4)
    localiser_folds: int = Field(default=5, ge=2)
    localiser_fold_epochs: int = Field(ge=1)
    localiser: StageSettings
    localisation: LocalisationSettings
    segmenter: StageSettings
    postprocessing: PostprocessingSettings = PostprocessingSettings()

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        if self.localiser.network.out_channels != 1 or self.localiser.loss != "bce_dice":
            raise ValueError("the localiser has one sigmoid channel: out_channels = 1, loss = 'bce_dice'")
        return self

    @property
    def sha256(self) -> str:
        """Hash of all settings, by which a run knows its own checkpoints."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        RecipeError: the file is missing, is no TOML, or says something that it may not say.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecipeError(f"{path}: expected a recipe file, but {error.strerror}.") from error
    try:
        return Recipe.model_validate(tomllib.loads(content.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not valid TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the recipe"
        raise RecipeError(f"{path}: {where}: {first['msg']} (got {first['input']!r:.80}).") from error
