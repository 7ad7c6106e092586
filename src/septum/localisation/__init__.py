"""Where the heart is: density map to region of interest."""

from septum.localisation.region import enlarge, largest_component, locate, region_about
from septum.localisation.settings import LocalisationSettings

__all__ = ["LocalisationSettings", "enlarge", "largest_component", "locate", "region_about"]
