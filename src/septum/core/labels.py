"""Which number in a mask means which structure."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

#: Red, green, blue, each 0 to 255.
Colour = tuple[int, int, int]


class Role(StrEnum):
    """Part of the heart that a structure is, whatever a data set calls it.

    What depends on anatomy (phases, indices, flags) looks for a role and not for a name.

    >>> VENTRICLES.name_of(Role.MYO)
    'MYO'
    """

    LV = "LV"  # left ventricular cavity
    RV = "RV"  # right ventricular cavity
    MYO = "MYO"  # left ventricular myocardium
    LA = "LA"  # left atrial cavity


class Structure(BaseModel):
    """One structure of a mask.

    Attributes:
        name: short standard name, such as ``LV``.
        value: voxel value in masks, 1 to 255; 0 is always background.
        meaning: what the name stands for, in words.
        colour: red, green, blue, each 0 to 255, for pictures.
        role: part of the heart that it is; where none is given, the one of that name, if there is one.

    >>> Structure(name="LV", value=3).role.value
    'LV'
    >>> Structure(name="scar", value=4).tag
    'scar'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    value: int
    meaning: str = ""
    colour: Colour = (255, 255, 0)
    role: Role | None = None

    @model_validator(mode="before")
    @classmethod
    def _role_by_name(cls, data: Any) -> Any:
        """Bundles of earlier versions give no role: their names are those of roles."""
        if isinstance(data, dict) and data.get("role") is None and data.get("name") in set(Role):
            return {**data, "role": Role(data["name"])}
        return data

    @property
    def tag(self) -> str:
        """The role, or the name of a structure that has none: what flags and indices call it."""
        return self.name if self.role is None else self.role.value


class LabelSchema(BaseModel):
    """The structures of a mask, in the order of the network's foreground channels.

    >>> VENTRICLES.names, VENTRICLES.values
    (('RV', 'MYO', 'LV'), (1, 2, 3))
    >>> LEFT_ATRIUM.name_of(Role.LA)
    'LA'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    structures: tuple[Structure, ...]

    @model_validator(mode="after")
    def _distinct(self) -> LabelSchema:
        values = [s.value for s in self.structures]
        names = [s.name for s in self.structures]
        roles = [s.role for s in self.structures if s.role is not None]
        if len(set(roles)) != len(roles):
            raise ValueError(f"structures need distinct roles, got {', '.join(roles)}")
        if len(set(values)) != len(values) or len(set(names)) != len(names):
            raise ValueError(f"structures need distinct names and values, got {names} and {values}")
        if not all(1 <= v <= 255 for v in values):
            raise ValueError(f"structure values lie between 1 and 255 (0 is background), got {values}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Names in channel order."""
        return tuple(s.name for s in self.structures)

    @property
    def values(self) -> tuple[int, ...]:
        """Mask values in channel order."""
        return tuple(s.value for s in self.structures)

    @property
    def roles(self) -> frozenset[Role]:
        """All roles that its structures have."""
        return frozenset(s.role for s in self.structures if s.role is not None)

    def name_of(self, role: Role) -> str | None:
        """Name of the structure with a role; ``None`` where there is none."""
        return next((s.name for s in self.structures if s.role is role), None)


#: Labels of ACDC and of the ``cine`` model. Papillary muscles belong to the cavity.
VENTRICLES = LabelSchema(
    structures=(
        Structure(name="RV", value=1, meaning="right ventricular cavity", colour=(220, 60, 50)),
        Structure(name="MYO", value=2, meaning="left ventricular myocardium", colour=(70, 190, 90)),
        Structure(name="LV", value=3, meaning="left ventricular cavity", colour=(60, 110, 230)),
    )
)

#: Label of the left atrial cavity (LASC 2018).
LEFT_ATRIUM = LabelSchema(
    structures=(Structure(name="LA", value=1, meaning="left atrial cavity", colour=(220, 60, 50)),)
)
