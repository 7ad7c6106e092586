"""What can be asked of a study."""

from __future__ import annotations

from typing import Literal

Wanted = Literal["cine", "late-gadolinium"]
WANTED: tuple[Wanted, ...] = ("cine", "late-gadolinium")
