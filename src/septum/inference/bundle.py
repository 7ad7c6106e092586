"""A model is a bundle: a folder with ``model.json`` and ONNX graphs. Nothing in it is ever unpickled."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

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


class NetworkFile(BaseModel):
    """A graph of a bundle.

    Attributes:
        graph: file name of the ONNX graph in the bundle's folder.
        sha256: of that file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    graph: str
    sha256: str


class StageManifest(NetworkFile):
    """One network of two.

    Attributes:
        preprocessing: what the graph expects of its input.
        multiple: image sizes along (Z, Y, X) are padded to a multiple of this.
    """

    preprocessing: PreprocessingSettings
    multiple: tuple[int, int, int]


class Description(BaseModel):
    """What ``model.json`` says of every kind of model.

    Attributes:
        format: version of this schema.
        name, title: what the bundle is called and what it does, in one line.
        labels: values of the masks that it makes.
        input: what images it is for, which decides the stack that is read of a DICOM study; ``None`` in
            bundles written before this field. :attr:`reads` has the answer for both.
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
    provenance: dict[str, str | int | float]
    accuracy: dict[str, float | int | str]
    licence: str
    training_images: TrainingImages | None = None
    mirror_images: bool | None = None

    @property
    def reads(self) -> StackKind:
        """What images the model is for.

        A bundle that does not say it was written before the field was. Of these, one that knows the left
        atrium alone was trained on late gadolinium, and every other one on cines.
        """
        if self.input is not None:
            return self.input
        return "late-gadolinium" if self.labels.names == LEFT_ATRIUM.names else "cine"

    @property
    @abstractmethod
    def graphs(self) -> tuple[NetworkFile, ...]:
        """Every graph of the bundle."""


class Manifest(Description):
    """Description of a model that finds the heart with one network, and segments it with another.

    Attributes:
        localiser, segmenter: the two networks.
        localisation: how the localiser's map becomes a region.
        postprocessing: what is done to the mask after the networks.
        decision: what is decided of the mask beyond the largest logit; ``None``: nothing is.
    """

    localiser: StageManifest
    localisation: LocalisationSettings
    segmenter: StageManifest
    postprocessing: PostprocessingSettings = PostprocessingSettings()
    decision: Decision | None = None

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
    def graphs(self) -> tuple[NetworkFile, ...]:
        """Every graph of the bundle."""
        return (self.localiser, self.segmenter)


#: Of models that look at an image window by window; the first kind of models has no ``kind``.
SLIDING_WINDOW: Literal["sliding-window"] = "sliding-window"


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files have been checked against their hashes.

    Attributes:
        folder: where it lies.
        manifest: its description.
        sha256: of ``model.json``, which holds the hashes of the graphs; it identifies the model.
    """

    folder: Path
    manifest: Description
    sha256: str

    def graph(self, network: NetworkFile) -> Path:
        """Path of a network's graph."""
        return self.folder / network.graph

    @property
    def two_stage(self) -> Manifest:
        """The description of a model of two networks.

        Raises:
            BundleError: it is of another kind.
        """
        if isinstance(self.manifest, Manifest):
            return self.manifest
        raise BundleError(
            f"{self.folder}: expected a model with a localiser and a segmenter, and this one is of another "
            "kind; give another model."
        )


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
    kind: type[Description] = Manifest
    try:
        raw = manifest_file.read_bytes()
        document = json.loads(raw)
        kind = _kind_of(document, manifest_file)
        manifest = kind.model_validate(document)
    except OSError as error:
        raise BundleError(
            f"{manifest_file}: expected a model bundle's description, and it cannot be read "
            f"({error.strerror}); give a shipped model or a bundle's folder."
        ) from error
    except ValidationError as error:
        from septum.core.settings_error import describe  # noqa: PLC0415  # of errors alone

        raise BundleError(
            f"{manifest_file}: {describe(error, (kind,))}; this version of Septum reads format {FORMAT}."
        ) from error
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{manifest_file} is not valid JSON ({error}); restore the bundle.") from error
    for network in manifest.graphs:
        _check_graph(folder, network)
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


def _kind_of(document: Any, file: Path) -> type[Description]:
    """The form of a description, by its ``kind``; that of other kinds is loaded where there is one."""
    kind = document.get("kind") if isinstance(document, dict) else None
    if kind is None:
        return Manifest
    if kind == SLIDING_WINDOW:
        from septum.inference.sliding_manifest import SlidingManifest  # noqa: PLC0415  # see above

        return SlidingManifest
    raise BundleError(
        f"{file}: kind: expected {SLIDING_WINDOW} or no such field, got {str(kind)!r:.40}; this version of "
        "Septum does not know that kind of model."
    )


def _check_graph(folder: Path, stage: NetworkFile) -> None:
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
