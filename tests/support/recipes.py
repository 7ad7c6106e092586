"""The recipes that come with the package."""

from importlib import resources
from pathlib import Path

SHIPPED = Path(str(resources.files("septum"))) / "recipes"
PAPER = SHIPPED / "paper"
