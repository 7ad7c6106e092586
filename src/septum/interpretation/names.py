"""Names by which the user chooses a table of reference ranges, and a group of people in it.

The command line reads them when it starts: nothing that is slow to load belongs here.
"""

from __future__ import annotations

from typing import Literal, get_args

ReferenceName = Literal["hhc2024", "scmr2025", "ukb2017"]
Ethnicity = Literal["white", "black", "south-asian", "chinese", "mixed-other"]

#: Every table, the one that is taken by default first.
REFERENCES: tuple[ReferenceName, ...] = get_args(ReferenceName)
ETHNICITIES: tuple[Ethnicity, ...] = get_args(Ethnicity)
#: As DICOM codes them.
SEXES: tuple[Literal["F"], Literal["M"]] = ("F", "M")
