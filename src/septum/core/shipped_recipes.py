"""The recipes that come with the package, by name."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def shipped_recipes() -> dict[str, Path]:
    """Name, such as ``production/cine``, to file, sorted."""
    folder = Path(str(resources.files("septum"))) / "recipes"
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.rglob("*.toml"))
    }
