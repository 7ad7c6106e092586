"""A node that is killed at any step of a study loses nothing and sends nothing twice."""

from __future__ import annotations

import gc
import sys

import pytest

pytest.importorskip("pynetdicom", reason="needs septum[node]")
if sys.platform == "win32":
    pytest.skip("needs SIGKILL and a server of forks", allow_module_level=True)

from support.node_kills import NAMES, OBJECTS, kill_loop

#: While it receives, segments and sends; the tool kills it at every step.
POINTS = (1, 10, 15)


# pynetdicom leaves a socket to the garbage collector where the other side is killed amid a message.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nothing_is_lost_and_nothing_is_sent_twice_whenever_the_node_is_killed(tmp_path):
    found = kill_loop(tmp_path, POINTS)
    gc.collect()
    assert set(found["kills_by_point"]) == {NAMES[point] for point in POINTS}
    assert (found["images_lost"], found["objects_of_two_contents"], found["objects_not_made"]) == (0, 0, 0)
    assert found["studies_sent"] == found["studies"]
    assert found["stores_repeated_with_the_same_bytes"] == 0
    assert found["objects_stored"] == found["objects_made"]
    # Part of a study may be a version of its own, of fewer objects.
    assert OBJECTS * found["studies"] <= found["objects_made"] <= OBJECTS * found["results"]
