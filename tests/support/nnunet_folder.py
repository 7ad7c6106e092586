"""A folder in nnU-Net's raw layout, of empty files or of phantoms."""

import json

from septum.core import Cine
from septum.io import write_image
from septum.phantom import PhantomSettings, beating_heart

LABELS = {"background": 0, "RV": 1, "MYO": 2, "LV": 3}


def describe(root, cases, **changes):
    """Write dataset.json; a change to None leaves a key out."""
    said = {
        "channel_names": {"0": "cine"},
        "labels": LABELS,
        "numTraining": cases,
        "file_ending": ".nii.gz",
        **changes,
    }
    said = {key: value for key, value in said.items() if value is not None}
    root.mkdir(parents=True, exist_ok=True)
    (root / "dataset.json").write_text(json.dumps(said), encoding="utf-8")


def write_empty(root, *names, ending=".nii.gz", **changes):
    describe(root, len(names), file_ending=ending, **changes)
    for folder, channel in (("imagesTr", "_0000"), ("labelsTr", "")):
        (root / folder).mkdir()
        for name in names:
            (root / folder / f"{name}{channel}{ending}").touch()


def write_phantoms(root, patients, rng, **changes):
    """End-diastole and end-systole of each patient, cases of their own."""
    describe(root, 2 * patients, **changes)
    for number in range(1, patients + 1):
        heart = small_heart(rng)
        for phase, t in (("ED", heart.end_diastole), ("ES", heart.end_systole)):
            name = f"patient{number:02d}_{phase}"
            image = Cine(heart.cine.array[t : t + 1], heart.cine.geometry)
            mask = Cine(heart.truth.labels[t : t + 1], heart.truth.geometry)
            write_image(root / "imagesTr" / f"{name}_0000.nii.gz", image)
            write_image(root / "labelsTr" / f"{name}.nii.gz", mask)


def small_heart(rng):
    full = rng.uniform(110, 170)
    return beating_heart(
        rng,
        PhantomSettings(
            frames=2, slices=5, matrix=(68, 72), in_plane_mm=3.0, lv_edv_ml=full, lv_esv_ml=0.5 * full
        ),
    )
