"""The command line in this process, which has loaded torch already, and what it says."""

import io
import logging
import re
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import torch

from septum.cli.main import main


@dataclass(frozen=True)
class Done:
    """What a command line has answered."""

    returncode: int
    stdout: str
    stderr: str


def septum(*arguments, check=True):
    """Run ``septum`` with these arguments; by default it must end well."""
    out, err, root = io.StringIO(), io.StringIO(), logging.getLogger()
    log, level, threads = logging.StreamHandler(err), root.level, torch.get_num_threads()
    root.addHandler(log)
    root.setLevel(logging.INFO)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = main([str(argument) for argument in arguments])
    finally:
        root.removeHandler(log)
        root.setLevel(level)
        torch.set_num_threads(threads)
    done = Done(code, out.getvalue(), err.getvalue())
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def finished(log):
    """Units in the order in which processes finished them."""
    return re.findall(r"(\S+:\d+) is done, ", log)
