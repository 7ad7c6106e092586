"""Where the heart is: density map to region of interest."""

from septum.localisation.components import largest_component
from septum.localisation.region import common, enlarge, locate, region_about
from septum.localisation.settings import LocalisationSettings

__all__ = ["LocalisationSettings", "common", "enlarge", "largest_component", "locate", "region_about"]
