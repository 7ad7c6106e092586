"""From trained networks to a bundle."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from septum.core.files import sha256_of, whole_folder, write_text
from septum.inference.bundle import MANIFEST, Manifest, StageManifest, open_bundle
from septum.networks import closed_form_map
from septum.training.half_storage import store_half

if TYPE_CHECKING:
    from pathlib import Path

    from septum.methods.settings import StageSettings
    from septum.networks import Network

OPSET = 18
EXAMPLE_SIZE = 32


class LocaliserGraph(nn.Module):
    """A localiser that also gives its activation map, in the closed form of equation (1)."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(1, 1, Z, Y, X) to logits (1, 1, Z, Y, X) and map (1, Z, Y, X)."""
        logits = self.network(image)
        bias = self.network.head.bias
        if bias is None:
            raise ValueError("the head of a localiser has a bias, got none")
        return logits, closed_form_map(logits, bias, 0)


def export_graph(network: Network, path: Path, *, with_map: bool) -> None:
    """Write an ONNX graph whose depth, height and width are free.

    Args:
        network: any of the registry; it is not changed.
        path: file to write.
        with_map: whether the graph also gives the localiser's activation map.
    """
    plain = _for_inference(network)
    graph: nn.Module = LocaliserGraph(plain) if with_map else plain
    names = ["logits", "map"] if with_map else ["logits"]
    axes = {2: "depth", 3: "height", 4: "width"}
    dynamic = {"image": axes, "logits": axes, "map": {1: "depth", 2: "height", 3: "width"}}
    example = torch.zeros(
        1, network.settings.in_channels, network.multiple[0] * 2, EXAMPLE_SIZE, EXAMPLE_SIZE
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            (example,),
            str(path),
            input_names=["image"],
            output_names=names,
            dynamic_axes={name: dynamic[name] for name in ["image", *names]},
            opset_version=OPSET,
            dynamo=False,
        )


def write_bundle(
    folder: Path,
    manifest: Manifest,
    networks: dict[str, Network],
    documents: dict[str, str],
) -> None:
    """Write a bundle whole or not at all. Its weights are stored as float16 (see ``half_storage``).

    Args:
        folder: of the bundle; what was there is replaced.
        manifest: with any hashes, which are filled in here.
        networks: ``localiser`` and ``segmenter``.
        documents: further text files by name, such as the licence and the model card.

    Raises:
        OutputError: the folder cannot be written to, or the disk is full; what was there stays.
    """
    with whole_folder(folder) as new:
        _fill(new, manifest, networks, documents)


def update_bundle(folder: Path, accuracy: dict[str, float | int | str], documents: dict[str, str]) -> None:
    """Write measured accuracy and further documents into a bundle; the graphs stay as they are."""
    for name, text in documents.items():
        write_text(folder / name, text)
    update_manifest(folder, {"accuracy": accuracy})


def update_manifest(folder: Path, changes: dict[str, object]) -> None:
    """Write changed fields into a bundle's description."""
    manifest = open_bundle(folder).manifest.model_copy(update=changes)
    write_text(folder / MANIFEST, manifest.model_dump_json(indent=2) + "\n")


def stage_manifest(name: str, settings: StageSettings, network: Network) -> StageManifest:
    """Description of one stage, its hash still to be filled in."""
    return StageManifest(
        graph=f"{name}.onnx", sha256="", preprocessing=settings.preprocessing, multiple=network.multiple
    )


def _fill(folder: Path, manifest: Manifest, networks: dict[str, Network], documents: dict[str, str]) -> None:
    """Write all files of a bundle into an empty folder."""
    stages = {}
    for name, network in networks.items():
        stage: StageManifest = getattr(manifest, name)
        export_graph(network, folder / stage.graph, with_map=name == "localiser")
        store_half(folder / stage.graph)
        stages[name] = stage.model_copy(update={"sha256": sha256_of(folder / stage.graph)})
    write_text(folder / MANIFEST, manifest.model_copy(update=stages).model_dump_json(indent=2) + "\n")
    for name, text in documents.items():
        write_text(folder / name, text)


def _for_inference(network: Network) -> Network:
    """A copy in evaluation mode on the CPU, with one-channel groups as plain instance normalisation."""
    plain = copy.deepcopy(network).cpu().float().eval()
    for module in plain.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.GroupNorm) and child.num_groups == child.num_channels:
                norm = nn.InstanceNorm3d(child.num_channels, eps=child.eps, affine=True)
                norm.load_state_dict(child.state_dict())
                setattr(module, name, norm.eval())
    return plain
