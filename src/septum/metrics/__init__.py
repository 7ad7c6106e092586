"""Two masks and a spacing in, numbers out: Dice, Hausdorff and average surface distance.

Dice also by slice level (:mod:`levels`). And what many such numbers say together: means (:mod:`summary`) and
their intervals (:mod:`bootstrap`), the agreement of volumes (:mod:`agreement`), the comparison of two methods
(:mod:`paired`); the last two load scipy.stats, and so are imported by name.

Empty-mask policy, the same everywhere in this room:

* both masks empty: there is nothing to find and nothing was found; not scored (``None``).
* one mask empty: the structure is missed. Dice is 0; a distance does not exist. Summaries leave it out
  of the mean of distances and give beside it a second mean with the volume's diagonal in its place.

Each mean carries its denominator.
"""

from septum.metrics.overlap import dice
from septum.metrics.scores import score
from septum.metrics.summary import Mean, Summary, summarise, summarise_by_structure
from septum.metrics.surface import SurfaceDistances, surface_distances

__all__ = [
    "Mean",
    "Summary",
    "SurfaceDistances",
    "dice",
    "score",
    "summarise",
    "summarise_by_structure",
    "surface_distances",
]
