"""The command line in processes of its own, and what it says."""

import os
import re
import subprocess
import sys


def septum(*arguments, check=True):
    """Run ``septum`` with these arguments; by default it must end well."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-m", "septum", *map(str, arguments)],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def finished(log):
    """Units in the order in which processes finished them."""
    return re.findall(r"(\S+:\d+) is done, ", log)
