"""From a trained nnU-Net to a bundle that runs without torch.

Weights are read as numbers: nothing in a checkpoint is run.
"""

from __future__ import annotations

import hashlib
import importlib
import pickle
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from septum.core import BundleError, MissingExtraError
from septum.core.files import check_free_folder, sha256_of, whole_folder, write_text
from septum.datasets.nnunet import UNSTATED
from septum.inference import ModelOptions
from septum.inference.bundle import MANIFEST, NetworkFile
from septum.inference.loading import load_graph
from septum.inference.sliding_manifest import SlidingManifest
from septum.training.exact_normalisation import with_exact_normalisation
from septum.training.export import OPSET
from septum.training.nnunet_results import Results, check_trainer, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from septum.core import Role, StackKind

#: The package that has nnU-Net's architectures; nothing else that plans name is ever imported.
ARCHITECTURES = "dynamic_network_architectures"
_MODULES = (ARCHITECTURES, "torch.nn")
#: Largest difference of the graph's logits from torch's, as a share of the largest logit.
_TOLERANCE = 1e-3
_CARD = """# {title}

Made by `septum import-nnunet` from a trained nnU-Net. Septum has not trained this model, and has not measured
its accuracy. The quality verdict is not calibrated for it.

| | |
|---|---|
| data set | {dataset} |
| configuration | {configuration} |
| folds | {folds} |
| trainer | {trainer} |
| licence | {licence} |
"""


@dataclass(frozen=True)
class ImportOptions:
    """How an nnU-Net is taken over.

    Attributes:
        folds: whose networks are averaged; all that are there without any.
        checkpoint: ``final`` or ``best``.
        roles: part of the heart that a structure is, by its name; see :class:`Results`.
        input: what images it is for; by its structures if ``None``.
        postprocess: whether what a cross-validation found good to do to the masks is done.
        name: of the model; made of data set and configuration if ``None``.
        overwrite: whether a bundle that is there is replaced.
    """

    folds: tuple[str, ...] = ()
    checkpoint: str = "final"
    roles: Mapping[str, Role] | None = None
    input: StackKind | None = None
    postprocess: bool = True
    name: str | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class _Weights:
    """Of one fold: its network, and what the checkpoint says of it."""

    network: nn.Module
    trainer: str
    mirror_axes: tuple[int, ...]


class _AsVolume(nn.Module):
    """A network of slices that takes volumes of one slice."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """(1, 1, 1, Y, X) to logits (1, K, 1, Y, X)."""
        logits: Tensor = self.network(image[:, :, 0])
        return logits[:, :, None]


def import_nnunet(source: Path, target: Path, options: ImportOptions | None = None) -> SlidingManifest:
    """Write a bundle that segments as a trained nnU-Net does.

    Args:
        source: folder with its results.
        target: of the bundle.
        options: what is taken over, and how.

    Returns:
        The description of the bundle.

    Raises:
        BundleError: it is no trained nnU-Net, or one that Septum cannot run.
        RecipeError: its data set is not described as nnU-Net does.
        MissingExtraError: nnU-Net's architectures are not installed.
        NameTakenError: something else stands at ``target``.
        OutputError: it cannot be written; nothing is left behind.
    """
    options = options or ImportOptions()
    results = Results.of(source, options.roles or {})
    checkpoints = results.folds(options.folds, options.checkpoint)
    is_own = (target / MANIFEST).is_file()
    check_free_folder(target, "a bundle", is_own=is_own, overwrite=options.overwrite)
    networks: list[NetworkFile] = []
    trainer, axes = "", tuple[int, ...]()
    with whole_folder(target) as new:
        for fold, checkpoint in checkpoints.items():
            weights = _load(results, checkpoint)
            graph = f"fold_{fold}.onnx"
            _export(weights.network, results, new / graph)
            networks.append(NetworkFile(graph=graph, sha256=sha256_of(new / graph)))
            trainer, axes = weights.trainer, weights.mirror_axes
        manifest = _manifest(results, options, tuple(checkpoints), networks, trainer, axes)
        write_text(new / MANIFEST, manifest.model_dump_json(indent=2) + "\n")
        facts = manifest.provenance
        card = _CARD.format(title=manifest.title, licence=manifest.licence, **facts)
        write_text(new / "MODEL_CARD.md", card)
        write_text(new / "LICENSE.md", f"# Licence of the weights\n\n{manifest.licence}\n")
    return manifest


def _manifest(  # what is known of one model
    results: Results,
    options: ImportOptions,
    folds: tuple[str, ...],
    networks: list[NetworkFile],
    trainer: str,
    mirror_axes: Sequence[int],
) -> SlidingManifest:
    stated = results.licence and not results.licence.startswith(UNSTATED)
    atrium_alone = {one.tag for one in results.schema.structures} == {"LA"}
    return SlidingManifest(
        name=options.name or re.sub("[^A-Za-z0-9]+", "-", f"{results.dataset}-{results.name}"),
        title=f"nnU-Net {results.name} of {results.dataset}",
        labels=results.schema,
        input=options.input or ("late-gadolinium" if atrium_alone else "cine"),
        networks=tuple(networks),
        preprocessing=results.preprocessing(),
        window=results.window(mirror_axes),
        keep_largest=results.keep_largest(folds) if options.postprocess else (),
        provenance={
            "made_by": "nnU-Net",
            "dataset": results.dataset,
            "configuration": results.name,
            "folds": ", ".join(folds),
            "trainer": trainer,
            "plans_sha256": hashlib.sha256((results.folder / "plans.json").read_bytes()).hexdigest(),
        },
        accuracy=_accuracy(results, folds),
        licence=results.licence if stated else "not stated; ask whoever trained the model",
        mirror_images=bool(mirror_axes),
    )


def _accuracy(results: Results, folds: Sequence[str]) -> dict[str, float | int | str]:
    """The mean Dice that nnU-Net found in its own validation, where it is there for every fold."""
    found = []
    for fold in folds:
        file = results.folder / f"fold_{fold}" / "validation" / "summary.json"
        if not file.is_file():
            return {}
        mean = read_json(file).get("foreground_mean", {}).get("Dice")
        if not isinstance(mean, (int, float)):
            return {}
        found.append(float(mean))
    return {"nnunet_validation_dice": round(float(np.mean(found)), 4)}


def _load(results: Results, checkpoint: Path) -> _Weights:
    """The network of a checkpoint, ready to be exported. Raises :class:`BundleError`."""
    # Its log, which is of no use here, has numbers of numpy, of either of its names for them.
    scalar = type(np.float64(0)).__reduce__(np.float64(0))[0]
    numbers: list[Any] = [np.dtype, scalar, (scalar, "numpy.core.multiarray.scalar")]
    numbers += [getattr(np.dtypes, name) for name in dir(np.dtypes) if name.endswith("DType")]
    try:
        with torch.serialization.safe_globals(numbers):
            found = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
        weights, trainer = found["network_weights"], str(found["trainer_name"])
        configuration = found["init_args"]["configuration"]
        axes = tuple(int(axis) for axis in found.get("inference_allowed_mirroring_axes") or ())
    except OSError as error:
        raise BundleError(f"{checkpoint} cannot be read ({error.strerror}); restore it.") from error
    except (pickle.UnpicklingError, RuntimeError, KeyError, TypeError, EOFError, ValueError) as error:
        raise BundleError(
            f"{checkpoint}: expected a checkpoint of nnU-Net that holds nothing but numbers and settings, "
            "and it is damaged or holds something else; nothing of it was run. Restore it."
        ) from error
    check_trainer(checkpoint, trainer)
    if configuration != results.name:
        raise BundleError(
            f"{checkpoint}: expected a checkpoint of {results.name}, after which the folder is named, got "
            f"one of {configuration}; restore the folder's name."
        )
    network = _network(results)
    names = network.state_dict().keys()
    plain = {key.removeprefix("module.").removeprefix("_orig_mod."): value for key, value in weights.items()}
    try:
        network.load_state_dict({key: value for key, value in plain.items() if key in names})
    except RuntimeError as error:
        raise BundleError(
            f"{checkpoint}: its weights do not fit the architecture in plans.json; restore both from one "
            "training."
        ) from error
    return _Weights(network.float().eval(), trainer, axes)


def _network(results: Results) -> nn.Module:
    """The architecture that the plans name, without deep supervision. Raises :class:`BundleError`."""
    architecture = results.configuration["architecture"]
    try:
        options = dict(architecture["arch_kwargs"])
        for key in architecture["_kw_requires_import"]:
            options[key] = None if options[key] is None else _named(results, options[key])
        build = _named(results, architecture["network_class_name"])
        network: nn.Module = build(
            input_channels=1, num_classes=len(results.schema.names) + 1, deep_supervision=False,
            **{key: value for key, value in options.items() if key != "deep_supervision"},
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AssertionError) as error:
        raise BundleError(
            f"{results.folder}: plans.json describes an architecture that cannot be built ({error}); restore "
            "it."
        ) from error
    return network


def _named(results: Results, name: str) -> Any:
    """A class of torch or of nnU-Net's architectures, by its dotted name."""
    module, _, attribute = str(name).rpartition(".")
    if not any(module == known or module.startswith(f"{known}.") for known in _MODULES):
        raise BundleError(
            f"{results.folder}: expected an architecture of {ARCHITECTURES}, and plans.json names {name}; "
            "Septum loads no code of others."
        )
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != ARCHITECTURES:
            raise
        raise MissingExtraError(
            "importing an nnU-Net needs dynamic-network-architectures, which is not installed; run pip "
            "install 'septum[nnunet]', or run septum where nnU-Net is installed."
        ) from error
    except AttributeError as error:
        raise BundleError(
            f"{results.folder}: plans.json names {name}, which the installed {ARCHITECTURES} does not have; "
            "install the version that the model was trained with."
        ) from error


def volume_network(results: Results, checkpoint: Path) -> nn.Module:
    """Load the network of a checkpoint: volumes (1, 1, Z, Y, X) to logits (1, K, Z, Y, X).

    Args:
        results: that the checkpoint belongs to.
        checkpoint: its file.

    Raises:
        BundleError: it cannot be used.
        MissingExtraError: nnU-Net's architectures are not installed.
    """
    return _of_volumes(_load(results, checkpoint).network, results)


def _of_volumes(network: nn.Module, results: Results) -> nn.Module:
    return _AsVolume(network) if results.dimensions == 2 else network


def _export(network: nn.Module, results: Results, path: Path) -> None:
    """Write the graph, and check that it computes what torch does. Raises :class:`BundleError`."""
    graph = _of_volumes(network, results)
    size = results.window(()).size
    example = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 1, *size), np.float32))
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            with_exact_normalisation(graph), (example,), str(path), input_names=["image"],
            output_names=["logits"], opset_version=OPSET, dynamo=False,
        )  # fmt: skip
        expected = graph(example).numpy()
    found = load_graph(path, size, ModelOptions(), {"logits"}).run(example.numpy())["logits"]
    furthest = float(np.abs(found - expected).max())
    if not furthest <= _TOLERANCE * float(np.abs(expected).max()):
        raise BundleError(
            f"{results.folder}: the exported graph does not compute what torch does (its logits are off by "
            f"{furthest:.3g}); please report it."
        )
