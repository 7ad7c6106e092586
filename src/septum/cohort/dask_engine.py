"""The engine that is many processes: Dask, here, on a cluster that runs, or by way of Slurm or Kubernetes."""

from __future__ import annotations

import ctypes
import logging
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import dask
import yaml
from distributed import Client, KilledWorker, LocalCluster, as_completed, get_worker
from distributed.comm.core import CommClosedError
from distributed.core import Status

from septum.cohort.ends import ChunkReport, Stop, StudyEnded, as_message, worker_name
from septum.cohort.running import RunEnd
from septum.cohort.work import work_on
from septum.core import InputError, SeptumError
from septum.core.errors import UnexpectedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from septum.cohort.running import Watcher

TOPIC = "septum-cohort"
#: Loggers of Dask and of what it stands on; they print tracebacks where a worker is lost.
_SAYS_TOO_MUCH = ("distributed", "asyncio", "tornado")
#: A chunk is lost with its worker. Whoever is to blame is found by the journal, not by the scheduler; but as
#: many workers in turn as this are not lost with one chunk, unless none can do anything at all.
_MOST_LOST = 500
#: What else keeps a worker from a chunk, as another version of a library, will do so again.
_MOST_REFUSED = 10
_WAIT_FOR_SCHEDULER_S = 30.0
_KEEP_UP_S = 5.0
#: So many starts of each worker may fail while there is none: then none will come.
_MOST_FAILED = 10
#: A worker that is not started after so many looks was refused, as by a queue.
_MOST_LOOKS = 12
_GONE = (Status.closed, Status.failed)
#: A worker that is gone is missed after so long; a task that computes keeps no worker from answering.
_WORKER_TTL = "300s"

#: Parameters of ``mallopt``, and the most that the library takes for the first of them.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 2**25


def work_on_chunk(out: str, chunk: str, work: Callable[..., ChunkReport] = work_on) -> dict[str, Any]:
    """Do a chunk in a worker; nothing that it is given or returns names a study's file.

    Args:
        out: folder of the cohort.
        chunk: name of the chunk.
        work: does it.
    """
    worker = get_worker()
    _keep_memory()

    def tell(ended: StudyEnded) -> None:
        with suppress(Exception):  # the scheduler may be gone; the journal has the row
            worker.log_event(TOPIC, vars(ended))

    try:
        return as_message(work(Path(out), chunk, tell=tell))
    except Exception as error:  # noqa: BLE001  # Dask would log it with what it was called with
        unexpected = UnexpectedError.of(error)
        stop = Stop(str(unexpected), unexpected.exit_code)
        return as_message(ChunkReport(chunk, worker_name(), stop=stop))


@cache
def _keep_memory() -> None:
    """Let this process keep what it frees for what it needs next, as any process does by itself.

    Dask starts workers so that they give all back (``MALLOC_TRIM_THRESHOLD_``). A network asks for the same
    memory for each volume, and a study took a quarter longer. ``mallopt`` is of the GNU C library alone.
    """
    with suppress(OSError, AttributeError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
        library.mallopt(_M_TRIM_THRESHOLD, 2 * _KEPT_BYTES)


@contextmanager
def local_cluster(workers: int) -> Iterator[Client]:
    """Start workers on this machine, each a process with one thread.

    Args:
        workers: how many.
    """
    with _settings(), LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=0, threads_per_worker=1, processes=True, memory_limit=0, silence_logs=logging.CRITICAL,
        dashboard_address="127.0.0.1:0", host="127.0.0.1",
    ) as cluster, _kept_up(cluster, workers) as client:  # fmt: skip
        yield client


@contextmanager
def _kept_up(cluster: Any, workers: int) -> Iterator[Client]:
    """Use a cluster, and replace workers whose place is lost, as of a job that has come to its end.

    Raises:
        SeptumError: no worker could be started.
    """
    ended, given_up = Event(), Event()

    def look() -> None:
        failed, unstarted = 0, Counter[Any]()
        while not ended.wait(_KEEP_UP_S):
            there = len(cluster.scheduler_info["workers"])
            failed = 0 if there else failed
            if there < workers:
                for name, worker in list(cluster.workers.items()):
                    unstarted[name] += worker.status == Status.created
                    if worker.status in _GONE or unstarted[name] > _MOST_LOOKS:  # it was killed, or refused
                        cluster.workers.pop(name, None)
                        failed += 1
                if failed >= _MOST_FAILED * workers:
                    given_up.set()
                    client.close()
                    return
                cluster.scale(workers)  # what waits to start is not started again

    cluster.scale(workers)
    watch = Thread(target=look, daemon=True)
    with Client(cluster) as client:  # type: ignore[no-untyped-call]
        watch.start()
        try:
            yield client
        finally:
            ended.set()
            watch.join()
    if given_up.is_set():
        raise SeptumError(
            "no worker can be started: expected a machine, or a queue, that starts processes of Python with "
            "septum[cohort]; see what they say, or do the cohort as one shard, which needs none."
        )


@contextmanager
def at_scheduler(address: str) -> Iterator[Client]:
    """Use the workers of a scheduler that runs.

    Args:
        address: such as ``tcp://10.0.0.5:8786``.

    Raises:
        SeptumError: nobody answers there.
    """
    with _settings():
        try:
            client = Client(address, timeout=_WAIT_FOR_SCHEDULER_S)  # type: ignore[no-untyped-call]
        except (OSError, TimeoutError, ValueError) as error:
            raise SeptumError(
                f"no scheduler answers at {address} ({type(error).__name__}): expected one of Dask, as in "
                "tcp://10.0.0.5:8786; start it, and run again."
            ) from error
        with client:
            yield client


@contextmanager
def slurm_cluster(
    out: Path, workers: int, *, walltime: str, memory: str, partition: str | None
) -> Iterator[Client]:
    """Let Slurm start workers, one a job, by way of dask-jobqueue.

    Args:
        out: folder of the cohort; the jobs' logs lie in it.
        workers: how many.
        walltime: of a job, as Slurm takes it; a worker ends in time, and another takes its place.
        memory: of a job, such as ``4GB``.
        partition: of Slurm; its default otherwise.
    """
    from dask_jobqueue.slurm import SLURMCluster  # noqa: PLC0415  # an extra of its own

    lifetime_s = max(_seconds(walltime) - 300, 60)
    lasting = ["--lifetime", f"{lifetime_s}s", "--lifetime-stagger", "2m", "--lifetime-restart"]
    with _settings(), SLURMCluster(
        cores=1, processes=1, memory=memory, walltime=walltime, queue=partition,
        log_directory=str(out / "logs"), worker_extra_args=lasting,
    ) as cluster, _kept_up(cluster, workers) as client:  # fmt: skip
        yield client


@contextmanager
def kubernetes_cluster(manifest: Path, workers: int) -> Iterator[Client]:
    """Let Dask's operator start workers in a Kubernetes, as a manifest describes them.

    Args:
        manifest: YAML of a ``DaskCluster``, with the image and the volumes of its pods.
        workers: how many.

    Raises:
        InputError: the file holds no such resource.
        SeptumError: there is no cluster, or it has no operator.
    """
    from dask_kubernetes.operator import KubeCluster  # noqa: PLC0415  # an extra of its own

    told = _dask_cluster_in(manifest)
    with ExitStack() as stack:
        stack.enter_context(_settings())
        try:
            cluster = stack.enter_context(KubeCluster(custom_cluster_spec=told, quiet=True))
            cluster.scale(workers)
        except Exception as error:  # of its client's, of HTTP's, of its own: there is no end to them
            getattr(
                KubeCluster, "_instances", set[Any]()
            ).clear()  # which are tried again as the process ends
            raise SeptumError(
                f"Kubernetes starts no cluster ({type(error).__name__}): expected one that `kubectl` "
                "reaches, with Dask's operator; see to it, and run again."
            ) from error
        yield stack.enter_context(Client(cluster))  # type: ignore[no-untyped-call]


def _dask_cluster_in(manifest: Path) -> dict[str, Any]:
    try:
        told = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InputError(f"{manifest} cannot be read: expected YAML of a DaskCluster.") from error
    named = isinstance(told, dict) and isinstance(told.get("metadata"), dict) and told["metadata"].get("name")
    if not named or told.get("kind") != "DaskCluster" or not isinstance(told.get("spec"), dict):
        raise InputError(
            f"{manifest} holds no DaskCluster: expected `kind: DaskCluster` with `metadata.name` and `spec`, "
            "as Dask's operator takes it."
        )
    return told


def _seconds(walltime: str) -> int:
    """Seconds of a time such as ``08:00:00`` or ``1-00:00:00``."""
    days, _, rest = walltime.rpartition("-")
    parts = [int(part) for part in rest.split(":")]
    hours, minutes, seconds = [0] * (3 - len(parts)) + parts
    return 86_400 * int(days or 0) + 3_600 * hours + 60 * minutes + seconds


def _keep_quiet() -> None:
    """Let Dask print nothing in this process: the run itself says what a user should know."""
    said = [one for one in logging.root.manager.loggerDict if one.startswith(_SAYS_TOO_MUCH)]
    for name in {*_SAYS_TOO_MUCH, *said}:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _settings() -> Any:
    _keep_quiet()
    return dask.config.set(
        {
            "distributed.scheduler.allowed-failures": _MOST_LOST,
            "distributed.scheduler.worker-ttl": _WORKER_TTL,
            "distributed.scheduler.work-stealing": False,
            "distributed.admin.log-length": 100,
            "distributed.deploy.lost-worker-timeout": "5s",
        }
    )


def run_on(
    client: Any, out: Path, chunks: Sequence[str], watcher: Watcher, task: Any = work_on_chunk
) -> RunEnd:
    """Do chunks on a cluster. They wait at its scheduler; what is lost with a worker is done again.

    Args:
        client: of the cluster.
        out: folder of the cohort, the same for all workers.
        chunks: their names.
        watcher: sees what happens.
        task: the function that does a chunk in a worker.
    """
    _keep_quiet()
    end = RunEnd()
    if client.dashboard_link and _has_dashboard():
        watcher.say(f"dashboard: {client.dashboard_link}")
    client.subscribe_topic(TOPIC, lambda event: watcher.study(StudyEnded(**event[1])))
    names: dict[str, str] = {}
    refused = 0  # since the last chunk that was done

    def submit(chunk: str) -> Any:
        future = client.submit(task, str(out), chunk, pure=False)
        names[future.key] = chunk
        return future

    running: Any = as_completed(map(submit, chunks), raise_errors=False)  # type: ignore[no-untyped-call]
    try:
        for future in running:
            chunk = names.pop(future.key)
            if future.status == "finished":
                refused = 0
                if not end.take(ChunkReport(**_report(future.result()))):
                    break
                continue
            if client.status != "running" or future.status == "cancelled":
                break
            error, refused = future.exception(), refused + 1
            if isinstance(error, KilledWorker) or refused > _MOST_REFUSED:
                end.stop = _refused(error)
                break
            running.add(submit(chunk))
    except (CommClosedError, OSError, TimeoutError):
        pass  # what is left is counted below
    end.left = len(chunks) - end.done - end.busy if end.stop is None else 0
    return end


def _refused(error: BaseException) -> Stop:
    unable = SeptumError(
        f"the workers cannot do the work ({type(error).__name__}): expected on each of them the version of "
        "septum[cohort] that is here, and the cohort's folder under the same path; see to it, and run again."
    )
    return Stop(str(unable), unable.exit_code)


def _report(message: dict[str, Any]) -> dict[str, Any]:
    stop = message["stop"]
    return {**message, "stop": None if stop is None else Stop(**stop)}


def _has_dashboard() -> bool:
    return find_spec("bokeh") is not None  # it draws the dashboard, and may be missing
