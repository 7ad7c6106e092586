"""What all tests share: where real cases lie, and property tests that repeat themselves exactly."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("septum", deadline=None, derandomize=True)
settings.load_profile("septum")


#: Folders whose tests share what takes minutes to make: one process runs all of a folder.
TOGETHER = ("integration/study", "integration/training")
#: What takes longest, longest first: begun first, so that several processes end at about the same time.
LONGEST = (*TOGETHER, "integration/test_docs.py", "integration/test_wheel.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file, or of a folder that shares more, in one process where several run them."""
    items.sort(key=_place)
    for item in items:
        folder = next((one for one in TOGETHER if one in item.path.as_posix()), None)
        item.add_marker(pytest.mark.xdist_group(folder or item.path.as_posix()))


def _place(item: pytest.Item) -> int:
    """Its place among the longest; all others come after them, as they were."""
    path = item.path.as_posix()
    return next((place for place, one in enumerate(LONGEST) if one in path), len(LONGEST))


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real cases that SEPTUM_DATA names."""
    named = os.environ.get("SEPTUM_DATA")
    if not named:
        pytest.skip("needs SEPTUM_DATA, a folder that holds acdc/training and lasc/training")
    return Path(named)
