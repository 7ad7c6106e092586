"""Tools of dcmtk, where they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def dcmtk(name: str) -> str:
    """Path of a tool, or a skip; pynetdicom installs others of the same names beside Python."""
    own = Path(sys.executable).parent
    folders = [one for one in os.environ.get("PATH", "").split(os.pathsep) if Path(one) != own]
    found = shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        pytest.skip(f"needs {name} of dcmtk")
    return found


def found_by(port: int, called: str, level: str, *keys: str) -> str:
    """What ``findscu`` prints of an archive's answers."""
    asked = [part for key in (f"QueryRetrieveLevel={level}", *keys) for part in ("-k", key)]
    done = subprocess.run(
        [dcmtk("findscu"), "-S", "-aec", called, *asked, "127.0.0.1", str(port)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout + done.stderr
