"""A Slurm of one node, with its daemons, keys and state in a temporary folder."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from support.node_parts import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S = 120.0
_DAEMONS = ("munged", "slurmctld", "slurmd")
_PATH = "/usr/sbin:/usr/bin"
_SETTINGS = """\
ClusterName=septum
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
SlurmctldPort={port}
SlurmdPort={other_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,batch_sched_delay=1
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=none
SwitchType=switch/none
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=32000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def needs_slurm() -> None:
    """Skip where there is no Slurm, or where its daemons may not be started."""
    if any(shutil.which(name, path=_PATH) is None for name in (*_DAEMONS, "sbatch")):
        pytest.skip("needs Slurm (Debian: slurm-wlm)")
    if os.geteuid() != 0:
        pytest.skip("needs root, to start Slurm's daemons")


@contextmanager
def slurm_at(folder: Path) -> Iterator[dict[str, str]]:
    """Start a Slurm; give the environment in which its commands find it."""
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    key, settings = folder / "munge.key", folder / "slurm.conf"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    settings.write_text(
        _SETTINGS.format(host=socket.gethostname(), folder=folder, port=free_port(), other_port=free_port())
    )
    environment = {**os.environ, "SLURM_CONF": str(settings), "PATH": f"{os.environ['PATH']}:{_PATH}"}
    munged = ["munged", "--force", "--num-threads=1"]
    for option, what in {"key-file": "key", "socket": "sock", "pid-file": "pid", "log-file": "log",
                         "seed-file": "seed"}.items():  # fmt: skip
        munged.append(f"--{option}={folder}/munge.{what}")
    try:
        for command in (munged, ["slurmctld", "-f", str(settings)], ["slurmd", "-f", str(settings)]):
            subprocess.run(command, env=environment, check=True, timeout=PATIENCE_S)
        _wait_for(environment, ["sinfo", "-h", "-o", "%T"], "idle")
        yield environment
    finally:
        for name in ("slurmd", "slurmctld", "munge"):
            with suppress(OSError, ValueError):
                os.kill(int((folder / f"{name}.pid").read_text()), signal.SIGTERM)
        time.sleep(0.5)


def submit(script: Path, environment: dict[str, str], **options: str) -> None:
    """Submit a script, and wait until all of its tasks have ended."""
    told = [f"--{name}={value}" for name, value in options.items()]
    subprocess.run(["sbatch", *told, str(script)], env=environment, check=True, timeout=PATIENCE_S)
    _wait_for(environment, ["squeue", "-h"], "")


def _wait_for(environment: dict[str, str], command: list[str], expected: str) -> None:
    end = time.monotonic() + PATIENCE_S
    said = None
    while time.monotonic() < end:
        said = subprocess.run(
            command, env=environment, check=False, capture_output=True, text=True
        ).stdout.strip()
        if said == expected:
            return
        time.sleep(0.3)
    raise AssertionError(f"{' '.join(command)}: expected {expected!r}, got {said!r}")
