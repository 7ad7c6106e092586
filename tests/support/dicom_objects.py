"""What tests write into DICOM objects, and a validator that shares nothing with the writer."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from septum.core import Index, Indices, Known, Source, WallThickness
from septum.io.dicom.objects.instances import Algorithm

MODEL = Algorithm("cine", "1.0")
INDICES = Indices(
    phases=None,
    volumes_ml={},
    times_ms=None,
    items=(
        Index("lv_edv_ml", "LV end-diastolic volume", 123.456789, "ml", indexed=65.0),
        Index("lv_esv_ml", "LV end-systolic volume", 50.5, "ml"),
        Index("lv_sv_ml", "LV stroke volume", 72.956789, "ml", indexed=38.4),
        Index("lv_ef_percent", "LV ejection fraction", 59.1, "%"),
        Index("cardiac_output_l_min", "Cardiac output", 4.815, "l/min", indexed=2.53),
        Index("lv_mass_ed_g", "LV mass at end-diastole", 110.0, "g"),
        Index("lv_mass_es_g", "LV mass at end-systole", 118.76543, "g"),
        Index("lv_peak_ejection_rate_ml_s", "LV peak ejection rate", 1408.123456, "ml/s"),
        Index("lv_time_to_peak_ejection_ms", "LV time to peak ejection", 145.25, "ms"),
        Index("lv_peak_filling_rate_ml_s", "LV peak filling rate", 1501.5, "ml/s"),
        Index("lv_time_to_peak_filling_ms", "LV time to peak filling", 162.125, "ms"),
        Index("rv_edv_ml", "RV end-diastolic volume", None, "ml"),
        Index("rv_ef_percent", "RV ejection fraction", 51.0, "%"),
        Index("unheard_of", "Something without a code", 1.0, "ml"),
    ),
    wall=WallThickness(
        (*(7.0 + 0.123456 * i for i in range(16)), None),
        (*(9.0 + 0.234567 * i for i in range(16)), None),
        (None, *(20.0 + 1.345678 * i for i in range(15)), None),
    ),
    heart_rate_bpm=Known(66.0, Source.GIVEN),
)


def dciodvfy_errors(path) -> list[str]:
    if shutil.which("dciodvfy") is None:
        pytest.skip("needs dciodvfy, of dicom3tools, to tell whether an object is valid")
    done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).splitlines()
    assert {"Segmentation", "ComprehensiveSR"} & set(said), said
    return [line for line in said if line.startswith("Error")] or ["exit status"] * (done.returncode != 0)
