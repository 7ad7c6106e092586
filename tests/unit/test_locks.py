"""Locks between processes."""

import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from septum.core import OutputError
from septum.core.locks import is_locked, lock, passing_lock

HOLD = """
import sys, time
from pathlib import Path
from septum.core.locks import lock
with lock(Path(sys.argv[1])) as held:
    print(held, flush=True)
    time.sleep(60)
"""


#: Asks in a process that is refused every file that it would write to.
ASK = """
import os, sys
from pathlib import Path
from septum.core.locks import is_locked
def refuse(event, arguments):
    if event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        raise PermissionError(13, "read-only", arguments[0])
sys.addaudithook(refuse)
print(is_locked(Path(sys.argv[1])))
"""


@contextmanager
def process_that_locks(path):
    """Another process, and whether it holds the lock."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, process.stdout.readline().strip() == "True"
        finally:
            process.kill()


def test_second_process_finds_it_held_and_a_killed_one_frees_it(tmp_path):
    path = tmp_path / "locks" / "unit"
    with process_that_locks(path) as (process, held):
        assert held
        assert is_locked(path)
        with lock(path) as ours:
            assert not ours
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
        assert not is_locked(path)
        with lock(path) as ours:
            assert ours


def test_process_is_told_that_this_one_holds_it(tmp_path):
    with lock(tmp_path / "unit") as ours, process_that_locks(tmp_path / "unit") as (_, held):
        assert ours
        assert not held


def test_lock_ends_with_its_block_even_by_an_error_and_can_be_taken_again(tmp_path):
    path = tmp_path / "unit"

    def fail_while_it_is_held():
        with lock(path) as held:
            assert held
            assert is_locked(path), "another open lock of the same process"
            raise KeyError

    with pytest.raises(KeyError):
        fail_while_it_is_held()
    assert not is_locked(path)
    with lock(path) as held:
        assert held
    assert path.is_file(), "left where it is"


def test_a_lock_in_passing_is_waited_for_and_leaves_no_file(tmp_path):
    path, order = tmp_path / "case", []

    def hold(name, seconds):
        with passing_lock(path, 30.0) as held:
            order.append((name, held))
            time.sleep(seconds)
            order.append((name, held))

    threads = [threading.Thread(target=hold, args=(name, 0.02)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert order[::2] == order[1::2], "one after the other"
    assert sorted(order[::2]) == [(name, True) for name in range(8)]
    assert list(tmp_path.iterdir()) == []


def test_a_lock_in_passing_is_given_up_and_one_of_a_killed_process_is_taken(tmp_path):
    path = tmp_path / "case"
    with process_that_locks(path) as (process, held):
        assert held
        with passing_lock(path, 0.0) as ours:
            assert not ours
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
        with passing_lock(path, 30.0) as ours:
            assert ours
    assert not path.exists()


def test_asking_makes_no_file(tmp_path):
    assert not is_locked(tmp_path / "unit")
    assert list(tmp_path.iterdir()) == []


def test_it_can_be_asked_of_a_folder_that_is_only_to_be_read(tmp_path):
    def said():
        command = [sys.executable, "-c", ASK, str(tmp_path / "unit")]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    assert said() == "False"
    with lock(tmp_path / "unit") as held:
        assert held
        assert said() == "True"
    assert said() == "False"


def test_what_cannot_be_opened_counts_as_not_held(tmp_path):
    (tmp_path / "unit").mkdir()
    assert not is_locked(tmp_path / "unit")


def test_file_that_cannot_be_made_is_told_as_such(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="unit cannot be written"), lock(tmp_path / "file" / "unit"):
        pytest.fail("nothing to hold")
