"""Made-up results of robustness, with numbers that can be worked out by hand."""

from septum_study.robustness.perturbations import NONE, VERSION
from septum_study.robustness.results import RobustnessRecord, write_robustness


def row(patient, phase, perturbation, level, dice, before, **changes):
    values = {
        "case": f"{patient}_{phase}", "patient": patient, "phase": phase, "perturbation": perturbation,
        "level": level, "structure": "LV", "dice": dice, "dice_before": before, "foreground_inside": "1.0",
        "localisation": "map", "warnings": "0",
    }  # fmt: skip
    return {**values, **changes}


def made_up(folder, name="toy", sha256="a" * 64):
    rows = [
        row("a", "ED", NONE, NONE, "0.9", "0.9"), row("a", "ES", NONE, NONE, "0.7", "0.7"),
        row("b", "ED", NONE, NONE, "0.6", "0.6"),
        row("a", "ED", "skipped-slices", "2", "0.8", "0.9"),
        row("a", "ES", "skipped-slices", "2", "0.8", "0.8"),
        row("b", "ED", "skipped-slices", "2", "0.4", "0.5", localisation="image_centre", warnings="2"),
        row("a", "ED", "skipped-slices", "3", "0.5", "0.5"), row("a", "ES", "skipped-slices", "3", "", ""),
        row("b", "ED", "skipped-slices", "3", "", "", foreground_inside="", localisation="", warnings=""),
    ]  # fmt: skip
    write_robustness(folder, name, rows)
    record = RobustnessRecord(
        bundle=name, bundle_sha256=sha256, dataset="acdc", perturbations=VERSION, flips=False,
        engine="openvino", made_by="a test", cases={},
    )  # fmt: skip
    record.write(folder)
