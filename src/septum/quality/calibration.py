"""What was learnt from masks of unseen patients: limits, an estimate of Dice, intervals for the EF.

A calibration belongs to the networks of one bundle and lies beside them. It is fitted by
``tools/calibrate_quality.py``; here it is only applied.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from septum.core import Bias, BundleError, MeasuredError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from septum.inference import Bundle

FILE = "quality.json"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DiceEstimate(_Part):
    """An estimate of the mean Dice coefficient: what it lacks of 1 has a logarithm linear in the measures.

    Attributes:
        features: keys of measures.
        centre, scale: what each is standardised by.
        coefficients: one a feature.
        intercept: logarithm of what a mask lacks whose measures are all at their centre.
    """

    features: tuple[str, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float

    def estimate(self, values: Mapping[str, float]) -> float:
        """Estimate from measures by key; one that is not there counts as its centre. Between 0 and 1.

        >>> estimate = DiceEstimate(features=("a",), centre=(0,), scale=(1,), coefficients=(1,), intercept=-3)
        >>> round(estimate.estimate({}), 3)  # 1 - exp(-3)
        0.95
        """
        total = self.intercept
        for key, centre, scale, coefficient in zip(
            self.features, self.centre, self.scale, self.coefficients, strict=True
        ):
            total += coefficient * (values.get(key, centre) - centre) / scale
        return 1.0 - math.exp(min(total, 0.0))


def possible_percent(percent: float) -> float:
    """Take the nearest ejection fraction that there can be, 0 to 100; a failed mask may have any.

    >>> possible_percent(-12.0), possible_percent(60.0)
    (0.0, 60.0)
    """
    return min(max(percent, 0.0), 100.0)


class IntervalWidth(_Part):
    """A conformal interval of an ejection fraction, wider where the ventricle's mask is less sure.

    Its middle is the ejection fraction less ``centre``, which is how far that is usually off. Its half width
    is ``multiple`` times the difficulty. The difficulty is the square root of what the ventricle's expected
    overlap lacks of 1 (:class:`septum.inference.out_of_distribution.Evidence`, the lesser of both phases),
    and of at least ``least_lack``.

    Attributes:
        level: share of studies that it is to hold.
        multiple: in points.
        centre: of the errors, prediction less truth, in points.
        least_lack: see above.
        bias: of the model's ejection fractions, in points, in patients that this very model has not seen;
            ``None`` if not measured.
    """

    level: float = Field(gt=0, lt=1)
    multiple: float
    centre: float = 0.0
    least_lack: float
    bias: Bias | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_versions(cls, fields: Any) -> Any:
        """Drop the share that earlier versions measured on the patients who set it."""
        if isinstance(fields, dict):
            return {key: value for key, value in fields.items() if key != "measured_coverage"}
        return fields

    def difficulty(self, soft_dice: float) -> float:
        """Of a ventricle with this expected overlap, 0 to 1."""
        return math.sqrt(max(1.0 - soft_dice, self.least_lack))

    def interval(self, percent: float, soft_dice: float) -> tuple[float, float]:
        """(low, high) in percent for an ejection fraction, within 0 to 100; it holds that fraction.

        >>> width = IntervalWidth(level=0.9, multiple=40.0, centre=-2.0, least_lack=0.02)
        >>> width.interval(50.0, 0.91)
        (40.0, 64.0)
        """
        shown = possible_percent(percent)
        half, middle = self.multiple * self.difficulty(soft_dice), shown - self.centre
        return possible_percent(min(middle - half, shown)), possible_percent(max(middle + half, shown))


class Calibration(_Part):
    """Contents of ``quality.json`` in a bundle.

    Attributes:
        format: version of this schema.
        networks: SHA-256 of the graphs of localiser and segmenter that it holds for.
        cases: number of patients that it was learnt from.
        limits: by key of flag, instead of those of the rules.
        dice: the estimate.
        rejected_below, reviewed_below: of the estimated Dice.
        ejection_fractions: the interval of each ventricle, by name.
        errors: what each index was off by in patients that this very model has not seen, by key; empty in
            calibrations of earlier versions.
    """

    format: Literal[2] = 2
    networks: tuple[str, str]
    cases: int
    limits: dict[str, float]
    dice: DiceEstimate
    rejected_below: float
    reviewed_below: float
    ejection_fractions: dict[str, IntervalWidth]
    errors: dict[str, MeasuredError] = {}


def calibration_of(bundle: Bundle) -> Calibration | None:
    """Load the calibration of a bundle, if it has one of its networks. Raises :class:`BundleError`."""
    return load_calibration(bundle.folder, tuple(one.sha256 for one in bundle.manifest.graphs))


@lru_cache(maxsize=8)
def load_calibration(folder: Path, networks: tuple[str, ...]) -> Calibration | None:
    """The calibration of a bundle; ``None`` if it has none, or one of other networks.

    Args:
        folder: of the bundle.
        networks: SHA-256 of its graphs, of a localiser and a segmenter in this order.

    Raises:
        BundleError: there is one that cannot be read.
    """
    path = Path(folder) / FILE
    try:
        calibration = Calibration.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise BundleError(
            f"{path}: expected a calibration of the quality verdict in format 2; restore the bundle."
        ) from error
    return calibration if calibration.networks == networks else None
