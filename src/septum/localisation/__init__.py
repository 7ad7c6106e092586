"""Where the heart is: density map to region of interest."""

from septum.core.components import largest_component
from septum.localisation.region import enlarge, joined, locate, region_about
from septum.localisation.settings import LocalisationSettings

__all__ = ["LocalisationSettings", "enlarge", "joined", "largest_component", "locate", "region_about"]
