"""Values that every room understands: images, geometry, regions, labels, results, errors."""

from septum.core.clinical import (
    Bias,
    CardiacPhases,
    EjectionFractionInterval,
    Flag,
    Index,
    Indices,
    Quality,
    Verdict,
    WallThickness,
)
from septum.core.comparison import ComparedIndex, Comparison, MeasuredError, Place, Sex
from septum.core.errors import (
    BundleError,
    InputError,
    MissingExtraError,
    OutputError,
    RecipeError,
    SeptumError,
)
from septum.core.geometry import Geometry
from septum.core.images import STACK_KINDS, Cine, Segmentation, StackKind, Study, Volume
from septum.core.labels import LEFT_ATRIUM, VENTRICLES, Colour, LabelSchema, Role, Structure
from septum.core.notes import Known, Level, Note, Source, value_of
from septum.core.orientation import Orientation
from septum.core.region import Region
from septum.core.results import Localisation, LocalisationPath, PartReport, Score
from septum.core.strain import SegmentStrain, Strain, StrainCurve
from septum.core.subject import Subject

__all__ = [
    "LEFT_ATRIUM",
    "STACK_KINDS",
    "VENTRICLES",
    "Bias",
    "BundleError",
    "CardiacPhases",
    "Cine",
    "Colour",
    "ComparedIndex",
    "Comparison",
    "EjectionFractionInterval",
    "Flag",
    "Geometry",
    "Index",
    "Indices",
    "InputError",
    "Known",
    "LabelSchema",
    "Level",
    "Localisation",
    "LocalisationPath",
    "MeasuredError",
    "MissingExtraError",
    "Note",
    "Orientation",
    "OutputError",
    "PartReport",
    "Place",
    "Quality",
    "RecipeError",
    "Region",
    "Role",
    "Score",
    "SegmentStrain",
    "Segmentation",
    "SeptumError",
    "Sex",
    "Source",
    "StackKind",
    "Strain",
    "StrainCurve",
    "Structure",
    "Study",
    "Subject",
    "Verdict",
    "Volume",
    "WallThickness",
    "value_of",
]
