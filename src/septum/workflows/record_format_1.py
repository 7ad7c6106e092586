"""JSON of format 1, as earlier versions wrote it, in the form of format 2.

The two tell the same. Format 1 had volumes, phases, ejection fractions and mass twice, in ``indices`` and
beside it; its notes and warnings were bare sentences, and its outputs one flat list of switches.
"""

from __future__ import annotations

from typing import Any

#: Key of a note that was a bare sentence.
KEY = "format_1"
_VENTRICLES = ("LV", "RV")
#: What stood twice, or follows from the rest.
_GONE = (
    "volumes_ml", "end_diastole_frame", "end_systole_frame", "ejection_fraction_percent", "myocardial_mass_g",
    "localisation_paths", "warnings", "extras",
)  # fmt: skip


def upgraded(document: dict[str, Any]) -> dict[str, Any]:
    """Give the document of format 2 that says the same.

    Args:
        document: of format 1, as JSON has it.

    Raises:
        LookupError, TypeError, AttributeError: it is none.
    """
    quality, reasons = document["quality"], [flag["reason"] for flag in document["quality"]["flags"]]
    kept = {name: value for name, value in document.items() if name not in _GONE}
    return {
        "mask_sha256": "",
        "confidence": [],
        "agreement": [],
        "soft_dice": {},
        "flip_agreement": [],
        **kept,
        "format": 2,
        "mask_origin": "model",
        "input": {**document["input"], "notes": _notes(document["input"]["notes"])},
        "outputs": _outputs(document.get("extras", {})),
        "indices": {**document["indices"], "notes": _notes(document["indices"]["notes"])},
        "quality": {
            "verdict": quality["verdict"],
            "flags": quality["flags"],
            "estimated_dice": quality["estimated_dice"],
            "ejection_fraction_intervals": _intervals(quality),
        },
        "notes": _notes([one for one in document["warnings"] if one not in reasons]),
    }


def _notes(sentences: list[str]) -> list[dict[str, str]]:
    return [{"key": KEY, "text": sentence, "level": "info"} for sentence in sentences]


def _outputs(extras: dict[str, Any]) -> dict[str, dict[str, Any]]:
    outputs: dict[str, dict[str, Any]] = {}
    if extras.get("report"):
        outputs["report"] = {"identify": extras["identify"]}
    if extras.get("dicom"):
        outputs["dicom"] = {"deidentify": extras["deidentify"], "key": extras.get("key", "")}
    if extras.get("mesh"):
        outputs["mesh"] = {"format": extras["mesh"]}
    return outputs


def _intervals(quality: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {}
    for name in _VENTRICLES:
        stem = f"{name.lower()}_ef"
        ends = quality.get(f"{stem}_interval_percent")
        if ends is not None:
            found[name] = {
                "low_percent": ends[0],
                "high_percent": ends[1],
                "coverage": quality.get(f"{stem}_interval_coverage"),
                "bias_points": quality.get(f"{stem}_bias_points"),
            }
    return found
