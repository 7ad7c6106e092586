"""A model is a bundle: a folder with ``model.json`` and ONNX graphs. Nothing in it is ever unpickled."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from septum.core import LEFT_ATRIUM, BundleError, LabelSchema, StackKind
from septum.core.files import sha256_of
from septum.inference.decision import Decider, Decision
from septum.inference.out_of_distribution import TrainingImages
from septum.inference.postprocessing import PostprocessingSettings
from septum.localisation import LocalisationSettings
from septum.preprocessing import PreprocessingSettings

MANIFEST = "model.json"
FORMAT: Literal[1] = 1


class StageManifest(BaseModel):
    """One network of a bundle.

    Attributes:
        graph: file name of the ONNX graph in the bundle's folder.
        sha256: of that file.
        preprocessing: what the graph expects of its input.
        multiple: image sizes along (Z, Y, X) are padded to a multiple of this.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    graph: str
    sha256: str
    preprocessing: PreprocessingSettings
    multiple: tuple[int, int, int]


class Manifest(BaseModel):
    """Contents of ``model.json``.

    Attributes:
        format: version of this schema.
        name, title: what the bundle is called and what it does, in one line.
        labels: values of the masks that it makes.
        input: what images it is for, which decides the stack that is read of a DICOM study; ``None`` in
            bundles written before this field. :attr:`reads` has the answer for both.
        localiser, segmenter: the two networks.
        localisation: how the localiser's map becomes a region.
        postprocessing: what is done to the mask after the networks.
        decision: what is decided of the mask beyond the largest logit; ``None``: nothing is.
        provenance: what it was trained with and on (names of versions, hashes, data set, citation).
        accuracy: measured on patients that it was not trained on.
        licence: terms of the weights.
        training_images: what the model makes of the cases that it learnt from; ``None`` if not recorded.
        mirror_images: whether the segmenter has learnt from mirror images, too, without which a mean over
            them makes worse masks; ``None`` if not recorded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = FORMAT
    name: str
    title: str
    labels: LabelSchema
    input: StackKind | None = None
    localiser: StageManifest
    localisation: LocalisationSettings
    segmenter: StageManifest
    postprocessing: PostprocessingSettings = PostprocessingSettings()
    decision: Decision | None = None
    provenance: dict[str, str | int | float]
    accuracy: dict[str, float | int | str]
    licence: str
    training_images: TrainingImages | None = None
    mirror_images: bool | None = None

    @model_validator(mode="after")
    def _check_decision(self) -> Manifest:
        if self.decision is not None:
            self.decision.check_structures(self.labels)
        return self

    @property
    def decider(self) -> Decider | None:
        """The decision, bound to the structures of the masks."""
        return None if self.decision is None else Decider(self.decision, self.labels)

    @property
    def reads(self) -> StackKind:
        """What images the model is for.

        A bundle that does not say it was written before the field was. Of these, one that knows the left
        atrium alone was trained on late gadolinium, and every other one on cines.
        """
        if self.input is not None:
            return self.input
        return "late-gadolinium" if self.labels.names == LEFT_ATRIUM.names else "cine"


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files have been checked against their hashes.

    Attributes:
        folder: where it lies.
        manifest: its description.
        sha256: of ``model.json``, which holds the hashes of the graphs; it identifies the model.
    """

    folder: Path
    manifest: Manifest
    sha256: str

    def graph(self, stage: StageManifest) -> Path:
        """Path of a stage's graph."""
        return self.folder / stage.graph


def shipped() -> tuple[str, ...]:
    """Names of the bundles that come with the package."""
    folder = Path(str(resources.files("septum"))) / "models"
    return tuple(sorted(p.parent.name for p in folder.glob(f"*/{MANIFEST}")))


def open_bundle(model: str | Path) -> Bundle:
    """Open a shipped bundle by name, or any bundle by its folder, and check every file.

    Raises:
        BundleError: there is no such bundle, or a file is missing, altered or of an unknown format.
    """
    folder = _folder_of(model)
    manifest_file = folder / MANIFEST
    try:
        raw = manifest_file.read_bytes()
        manifest = Manifest.model_validate(json.loads(raw))
    except OSError as error:
        raise BundleError(
            f"{manifest_file}: expected a model bundle's description, and it cannot be read "
            f"({error.strerror}); give a shipped model or a bundle's folder."
        ) from error
    except ValidationError as error:
        from septum.core.settings_error import describe  # noqa: PLC0415  # of errors alone

        raise BundleError(
            f"{manifest_file}: {describe(error, (Manifest,))}; this version of Septum reads format {FORMAT}."
        ) from error
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{manifest_file} is not valid JSON ({error}); restore the bundle.") from error
    for stage in (manifest.localiser, manifest.segmenter):
        _check_graph(folder, stage)
    return Bundle(folder, manifest, hashlib.sha256(raw).hexdigest())


def _folder_of(model: str | Path) -> Path:
    if isinstance(model, str) and model in shipped():
        return Path(str(resources.files("septum"))) / "models" / model
    folder = Path(model)
    if model != "" and folder.is_dir():
        return folder
    raise BundleError(
        f"no model {str(model)!r}: expected a shipped one ({', '.join(shipped())}) or a bundle's folder."
    )


def _check_graph(folder: Path, stage: StageManifest) -> None:
    path = folder / stage.graph
    if stage.graph in ("", "..") or Path(stage.graph).name != stage.graph:
        raise BundleError(
            f"{folder / MANIFEST}: expected a graph's file name without a folder, got {stage.graph!r}; "
            "restore the bundle."
        )
    if not path.is_file():
        raise BundleError(f"{path} is missing, though {MANIFEST} names it; restore the bundle.")
    found = sha256_of(path)
    if found != stage.sha256:
        raise BundleError(
            f"{path}: expected SHA-256 {stage.sha256[:12]}..., got {found[:12]}...; the file was altered "
            "or cut off, restore the bundle."
        )
