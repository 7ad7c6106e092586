"""What all tests share: where real cases lie, and property tests that repeat themselves exactly."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("septum", deadline=None, derandomize=True)
settings.load_profile("septum")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real cases that SEPTUM_DATA names."""
    named = os.environ.get("SEPTUM_DATA")
    if not named:
        pytest.skip("needs SEPTUM_DATA, a folder that holds acdc/training and lasc/training")
    return Path(named)
