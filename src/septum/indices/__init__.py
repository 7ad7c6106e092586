"""Clinical numbers from masks: volumes, ejection fraction, mass, output, rates, wall thickness."""

from septum.core.clinical import myocardial_mass_g
from septum.indices.clinical import clinical_indices
from septum.indices.curve import curve_roughness
from septum.indices.definitions import DEFINITIONS, Definition
from septum.indices.measured import Measured, structure_volumes_ml

__all__ = [
    "DEFINITIONS",
    "Definition",
    "Measured",
    "clinical_indices",
    "curve_roughness",
    "myocardial_mass_g",
    "structure_volumes_ml",
]
