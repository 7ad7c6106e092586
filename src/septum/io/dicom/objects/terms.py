"""Coded terms: structures in SNOMED CT, indices in LOINC, SNOMED CT and DICOM's own, units in UCUM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom import Dataset
from pydicom.sr.coding import Code

from septum.io.dicom.objects.instances import short_text

if TYPE_CHECKING:
    from septum.core.labels import Structure

ANATOMICAL_STRUCTURE = Code("91723000", "SCT", "Anatomical Structure")
ARTIFICIAL_INTELLIGENCE = Code("123110", "DCM", "Artificial Intelligence")
SEGMENTATION = Code("113076", "DCM", "Segmentation")
SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")
CARDIAC_MRI = Code("241620005", "SCT", "Cardiac MRI")
HEART = Code("80891009", "SCT", "Heart")
DEVICE = Code("121007", "DCM", "Device")
PERSON = Code("121006", "DCM", "Person")
CARDIAC_CYCLE_POINT = Code("272518008", "SCT", "Cardiac cycle point")
END_DIASTOLE = Code("416190007", "SCT", "End diastole")
END_SYSTOLE = Code("416430001", "SCT", "End Systole")

LEFT_VENTRICLE = Code("87878005", "SCT", "Left ventricle")
RIGHT_VENTRICLE = Code("53085002", "SCT", "Right ventricle")
MYOCARDIUM = Code("49848007", "SCT", "Left Ventricle Myocardium")
LEFT_ATRIUM = Code("82471001", "SCT", "Left atrium")

#: SNOMED CT has the chambers in DICOM's context groups and not their cavities: the label says "cavity".
_STRUCTURES = {
    "left ventricular cavity": LEFT_VENTRICLE,
    "right ventricular cavity": RIGHT_VENTRICLE,
    "left ventricular myocardium": MYOCARDIUM,
    "left atrial cavity": LEFT_ATRIUM,
}
_STRUCTURES_BY_NAME = {
    "LV": LEFT_VENTRICLE,
    "RV": RIGHT_VENTRICLE,
    "MYO": MYOCARDIUM,
    "LA": LEFT_ATRIUM,
}


def structure_code(structure: Structure) -> Code:
    """The code of a structure of a mask, by its meaning or its name; of the heart where neither is known."""
    by_name = _STRUCTURES_BY_NAME.get(structure.name, HEART)
    return _STRUCTURES.get(structure.meaning, by_name)


def code_item(code: Code) -> Dataset:
    """An item of a code sequence (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme_designator
    item.CodeMeaning = short_text(code.meaning)
    return item


@dataclass(frozen=True)
class Term:
    """How a clinical index is coded in a measurement report.

    Attributes:
        site: structure that it is of.
        name: what is measured (context groups 3468, 3469, 3833, 12203 and 12204 of PS3.16, and annex D).
        unit: of the value.
        at: point of the cardiac cycle, where the name does not tell it.
        indexed: what it is called divided by body surface area, where there is a code for that.
    """

    site: Code
    name: Code
    unit: Code
    indexed: Code | None = None
    at: Code | None = None


_VOLUME = Code("118565006", "SCT", "Volume")
_LV_MASS = Code("18087-7", "LN", "Left Ventricle Mass")
_ML = Code("ml", "UCUM", "milliliter")
_PERCENT = Code("%", "UCUM", "Percent")
_GRAM = Code("g", "UCUM", "gram")
_ML_S = Code("ml/s", "UCUM", "milliliter per second")
_MS = Code("ms", "UCUM", "millisecond")
_MM = Code("mm", "UCUM", "millimeter")
_L_MIN = Code("l/min", "UCUM", "liter per minute")
BY_AREA = {
    "ml": Code("ml/m2", "UCUM", "milliliter per square meter"),
    "l/min": Code("l/min/m2", "UCUM", "liter per minute per square meter"),
}
PER_MINUTE = Code("/min", "UCUM", "per minute")
HEART_RATE = Code("8867-4", "LN", "Heart rate")

#: Key of an index to its terms. Strain at the borders of the wall, and times to peak strain, have no code.
INDICES = {
    "lv_edv_ml": Term(LEFT_VENTRICLE, Code("8821-1", "LN", "Left Ventricular ED Volume"), _ML),
    "lv_esv_ml": Term(LEFT_VENTRICLE, Code("8823-7", "LN", "Left Ventricular ES Volume"), _ML),
    "lv_sv_ml": Term(
        LEFT_VENTRICLE,
        Code("90096001", "SCT", "Stroke Volume"),
        _ML,
        Code("277381004", "SCT", "Stroke Index"),
    ),
    "lv_ef_percent": Term(
        LEFT_VENTRICLE, Code("8811-2", "LN", "Left ventricular ejection fraction by MR"), _PERCENT
    ),
    "cardiac_output_l_min": Term(
        LEFT_VENTRICLE,
        Code("82799009", "SCT", "Cardiac Output"),
        _L_MIN,
        Code("54993008", "SCT", "Cardiac Index"),
    ),
    "lv_mass_ed_g": Term(MYOCARDIUM, _LV_MASS, _GRAM, at=END_DIASTOLE),
    "lv_mass_es_g": Term(MYOCARDIUM, _LV_MASS, _GRAM, at=END_SYSTOLE),
    "lv_peak_ejection_rate_ml_s": Term(LEFT_VENTRICLE, Code("122616", "DCM", "Peak Ejection Rate"), _ML_S),
    "lv_time_to_peak_ejection_ms": Term(LEFT_VENTRICLE, Code("122617", "DCM", "Peak Ejection Time"), _MS),
    "lv_peak_filling_rate_ml_s": Term(LEFT_VENTRICLE, Code("122618", "DCM", "Peak Filling Rate"), _ML_S),
    "lv_time_to_peak_filling_ms": Term(LEFT_VENTRICLE, Code("122619", "DCM", "Peak Filling Time"), _MS),
    "rv_edv_ml": Term(RIGHT_VENTRICLE, Code("8822-9", "LN", "Right Ventricular ED Volume"), _ML),
    "rv_esv_ml": Term(RIGHT_VENTRICLE, Code("8824-5", "LN", "Right Ventricular ES Volume"), _ML),
    "rv_sv_ml": Term(
        RIGHT_VENTRICLE,
        Code("429483009", "SCT", "RV Stroke Volume"),
        _ML,
        Code("429619008", "SCT", "RV Stroke Index"),
    ),
    "rv_ef_percent": Term(
        RIGHT_VENTRICLE, Code("8818-7", "LN", "Right ventricular ejection fraction by MR"), _PERCENT
    ),
    "lv_gcs_mid_percent": Term(
        MYOCARDIUM, Code("130677", "DCM", "Circumferential Lagrangian Strain"), _PERCENT
    ),
    "lv_grs_percent": Term(MYOCARDIUM, Code("130675", "DCM", "Radial Lagrangian Strain"), _PERCENT),
    "la_volume_ml": Term(LEFT_ATRIUM, _VOLUME, _ML),
    "lv_volume_ml": Term(LEFT_VENTRICLE, _VOLUME, _ML),
    "rv_volume_ml": Term(RIGHT_VENTRICLE, _VOLUME, _ML),
    "lv_mass_g": Term(MYOCARDIUM, _LV_MASS, _GRAM),
}

_THICKNESS = Code("122445", "DCM", "Wall Thickness")
#: Field of :class:`septum.core.WallThickness` to the terms of its values.
WALL = {
    "end_diastolic_mm": Term(MYOCARDIUM, _THICKNESS, _MM, at=END_DIASTOLE),
    "end_systolic_mm": Term(MYOCARDIUM, _THICKNESS, _MM, at=END_SYSTOLE),
    "thickening_percent": Term(MYOCARDIUM, Code("59092-7", "LN", "% Thickening"), _PERCENT),
}


def _part(value: str, name: str) -> Code:
    return Code(value, "SCT", f"left ventricle {name} segment")


#: The AHA's segments 1 to 17 (context group 3717 of PS3.16).
SEGMENTS = (
    _part("264850008", "basal anterior"),
    _part("396482007", "basal anteroseptal"),
    _part("396646008", "basal inferoseptal"),
    _part("264846001", "basal inferior"),
    _part("396652009", "basal inferolateral"),
    _part("396654005", "basal anterolateral"),
    _part("264848000", "mid anterior"),
    _part("396647004", "mid anteroseptal"),
    _part("396649001", "mid inferoseptal"),
    _part("264847005", "mid inferior"),
    _part("396655006", "mid inferolateral"),
    _part("396656007", "mid anterolateral"),
    _part("264844003", "apical anterior"),
    _part("264845002", "apical septal"),
    _part("264849008", "apical inferior"),
    _part("264853005", "apical lateral"),
    Code("128564006", "SCT", "Apex of left ventricle"),
)
