"""Files of images that are being received, where none can be made."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from septum.node.spool import Spool

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_where_no_file_can_be_made_nothing_is_written_and_nothing_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    spool = Spool(".dcm")
    assert spool.write(b"image") == len(b"image")
    spool.close()
    assert spool.is_cut
    assert not os.path.lexists(spool.name)  # it is removed by its name, as root if need be
