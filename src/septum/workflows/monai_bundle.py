"""A model as a MONAI bundle: its description, a configuration that runs it, and the model itself.

Source: MONAI, "MONAI Bundle Specification". The configuration runs the model through Septum, so that the
mask is that of ``septum segment``: no transform of MONAI finds the heart first, or pastes the mask back.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from septum.core import OutputError
from septum.core.files import check_free_folder, whole_folder, write_text
from septum.inference import Manifest, open_bundle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from septum.inference import Bundle, Description, Model

#: Versions that the exported bundle was tried with.
MONAI_VERSION, PYTORCH_VERSION, NUMPY_VERSION = "1.6.1", "2.13.0", "2.4.6"
_SCHEMA = (
    "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"
)
METADATA, INFERENCE = "configs/metadata.json", "configs/inference.json"
MODELS = "models"
#: A grid that both networks of every bundle take; any other is taken, too.
_EXAMPLE_SHAPE = (10, 224, 224)

_README = """# {title}

{card}

# In MONAI

This bundle runs the model through Septum. The mask, its JSON and the indices are those of `septum segment`.

```console
pip install monai septum
python -m monai.bundle run --meta_file configs/metadata.json --config_file configs/inference.json \\
    --bundle_root . --dataset_dir IMAGES --output_dir RESULTS
```

`IMAGES` is a folder of NIfTI files (`.nii.gz`). `models/` holds the model: ONNX graphs, and `model.json`,
which says what is done before and after them.
"""


class Evaluator:
    """Segments images and writes the results: what ``configs/inference.json`` runs.

    Args:
        dataset: paths of images.
        network: a loaded model.
        output_dir: folder for the results.
        outputs: what else is written, such as ``report``.
    """

    def __init__(
        self, dataset: Sequence[str], network: Model, output_dir: str, outputs: Sequence[str] = ()
    ) -> None:
        self.dataset, self.network = tuple(dataset), network
        self.output_dir, self.outputs = output_dir, tuple(outputs)

    def run(self) -> list[str]:
        """Segment all images, one after the other; the paths of the masks.

        Raises:
            InputError: an image cannot be used.
            OutputError: a result cannot be written.
        """
        from septum.workflows.api import segment  # noqa: PLC0415  # which MONAI loads when it runs

        masks = []
        for path in self.dataset:
            result = segment(path, model=self.network)
            masks.append(str(result.save(self.output_dir, self.outputs, overwrite=True).mask))
        return masks


def export_monai(model: str | Path, folder: Path, *, overwrite: bool = False) -> Bundle:
    """Write a MONAI bundle of a model, whole or not at all.

    Args:
        model: a shipped model's name, or a bundle's folder.
        folder: of the MONAI bundle.
        overwrite: whether a MONAI bundle that is there is replaced.

    Returns:
        The model.

    Raises:
        BundleError: the model cannot be used.
        NameTakenError: something stands at ``folder``.
        OutputError: it cannot be written; nothing is left behind.
    """
    bundle = open_bundle(model)
    is_own = (folder / METADATA).is_file() and (folder / INFERENCE).is_file()
    check_free_folder(folder, "a MONAI bundle", is_own=is_own, overwrite=overwrite)
    with whole_folder(folder) as new:
        _fill(new, bundle)
    return bundle


def _fill(folder: Path, bundle: Bundle) -> None:
    manifest = bundle.manifest
    (folder / MODELS).mkdir()
    try:
        for file in sorted(path for path in bundle.folder.iterdir() if path.is_file()):
            shutil.copyfile(file, folder / MODELS / file.name)
    except OSError as error:
        raise OutputError(f"{bundle.folder} cannot be copied: {error.strerror}; make room.") from error
    write_text(folder / METADATA, _json(metadata(manifest)))
    write_text(folder / INFERENCE, _json(_inference()))
    card = _text(bundle.folder / "MODEL_CARD.md") or manifest.title
    write_text(folder / "docs" / "README.md", _README.format(title=manifest.title, card=card))
    write_text(folder / "LICENSE", _text(bundle.folder / "LICENSE.md") or f"{manifest.licence}\n")


def metadata(manifest: Description) -> dict[str, Any]:
    """Describe a model as ``configs/metadata.json`` does.

    Args:
        manifest: of its bundle.
    """
    from septum.workflows.record import SOFTWARE  # noqa: PLC0415  # which pydantic makes

    made = manifest.provenance
    channels = {"0": "background", **{str(s.value): s.meaning or s.name for s in manifest.labels.structures}}
    shape = list(_EXAMPLE_SHAPE if isinstance(manifest, Manifest) else _window(manifest))
    return {
        "schema": _SCHEMA,
        "version": SOFTWARE.version,
        "changelog": {SOFTWARE.version: "exported by Septum"},
        "monai_version": MONAI_VERSION,
        "pytorch_version": PYTORCH_VERSION,
        "numpy_version": NUMPY_VERSION,
        "required_packages_version": {"septum": SOFTWARE.version},
        "name": manifest.title,
        "task": f"segmentation of {', '.join(manifest.labels.names)} in cardiac MR",
        "description": manifest.title,
        "authorship": "The Septum authors",
        "copyright": manifest.licence,
        "data_source": str(made.get("citation") or made.get("dataset") or "not stated"),
        "data_type": "nifti",
        "image_classes": "single channel magnetic resonance image, of any intensities",
        "label_classes": ", ".join(f"{value} is {name}" for value, name in channels.items()),
        "intended_use": "For research use only. Not a medical device.",
        "network_data_format": {
            "inputs": {
                "image": {
                    "type": "image", "format": "magnitude", "modality": "MR", "num_channels": 1,
                    "spatial_shape": shape, "dtype": "float32", "value_range": [], "is_patch_data": False,
                    "channel_def": {"0": "image"},
                }
            },
            "outputs": {
                "pred": {
                    "type": "image", "format": "segmentation", "num_channels": 1, "spatial_shape": shape,
                    "dtype": "uint8", "value_range": [0, max(manifest.labels.values)],
                    "is_patch_data": False, "channel_def": channels,
                }
            },
        },
    }  # fmt: skip


def _window(manifest: Description) -> tuple[int, ...]:
    from septum.inference.sliding_manifest import SlidingManifest  # noqa: PLC0415  # of few models

    return manifest.window.size if isinstance(manifest, SlidingManifest) else _EXAMPLE_SHAPE


def _inference() -> dict[str, Any]:
    """The configuration that ``monai.bundle run`` takes; other values can be given to any of its keys."""
    return {
        "imports": ["$import pathlib"],
        "bundle_root": ".",
        "model_dir": f"$@bundle_root + '/{MODELS}'",
        "dataset_dir": "$@bundle_root + '/images'",
        "output_dir": "$@bundle_root + '/eval'",
        "outputs": [],
        "device": "cpu",
        "dataset": "$sorted(str(path) for path in pathlib.Path(@dataset_dir).glob('*.nii.gz'))",
        "network_def": {"_target_": "septum.load_model", "model": "@model_dir", "device": "@device"},
        "inferer": "@network_def",
        "evaluator": {
            "_target_": "septum.workflows.monai_bundle.Evaluator",
            "dataset": "@dataset",
            "network": "@inferer",
            "output_dir": "@output_dir",
            "outputs": "@outputs",
        },
        "run": ["$@evaluator.run()"],
    }


def _text(path: Path) -> str:
    """A text file's content; empty where there is none."""
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError):
        return ""


def _json(told: dict[str, Any]) -> str:
    return json.dumps(told, indent=4, ensure_ascii=False) + "\n"
