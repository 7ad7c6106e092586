"""``septum cohort``: thousands of studies to one table."""

from __future__ import annotations

import re
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from septum.cli.extras import load_with
from septum.cli.output import one_line, say, say_aside, say_json, say_table
from septum.cli.parameters import index_options, model_options, output_options, parse_spacing

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from septum.cli.parameters import IndexValues
    from septum.cohort.beginning import Begun
    from septum.cohort.running import RunEnd, Watcher
    from septum.cohort.settings import CohortSettings
    from septum.inference import ModelKeywords

EXTRAS = {
    "duckdb": "cohort", "distributed": "cohort", "dask": "cohort", "tornado": "cohort",
    "dask_jobqueue": "cohort-slurm", "dask_kubernetes": "cohort-kubernetes",
}  # fmt: skip
#: What says who does the work, and may be otherwise in each run.
_ENGINE = ("workers", "scheduler", "slurm", "kubernetes", "walltime", "memory", "partition", "shard")
_FOLDER = click.Path(path_type=Path, file_okay=False)


class _RunByDefault(click.Group):
    """A group whose subcommand ``run`` may be left out."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``run`` before arguments that name no subcommand, and ask for no help."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)


def parse_shard(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Parse text such as ``3/200`` into the number of a share, from 1, and how many there are.

    Args:
        _ctx: of the command, unused.
        _param: the option, unused.
        value: text of the option, if given.
    """
    if value is None:
        return None
    found = re.fullmatch(r"(\d+)/(\d+)", value.strip())
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise click.BadParameter(f"expected a share from 1, as in 3/200, got {value!r}.")
    return int(found[1]), int(found[2])


def _plan_options(command: Any) -> Any:
    """Add what says which studies there are, and how they are segmented.

    The command gets a function as ``begin``, which begins the cohort or goes on with it.
    """

    @wraps(command)
    def with_plan(sources: tuple[Path, ...], out: Path, *, chunk: int | None, **values: Any) -> Any:
        about = {name: values.pop(name) for name in _ABOUT}

        def begin(*, look_again: bool = True) -> Begun:
            load_with("duckdb", "a cohort", EXTRAS)
            from septum.cohort.beginning import begin

            if not sources:
                _refuse_options()
            settings = _settings(**about) if sources else None
            begun = begin(sources, out, settings, chunk=chunk, look_again=look_again)
            for notice in begun.notices:
                say_aside(notice)
            return begun

        return command(begin=begin, **values)

    wrapped: Any = with_plan
    for option in reversed(_plan_parameters()):
        wrapped = option(wrapped)
    return wrapped


#: What belongs to a cohort for good, as parameters of a command.
_ABOUT = ("model", "options", "spacing", "indices", "masks", "outputs", "names")


def _plan_parameters() -> list[Any]:
    folder = click.Path(path_type=Path, file_okay=False)
    return [
        click.argument(
            "sources", metavar="SOURCE...", nargs=-1, type=click.Path(path_type=Path, exists=True)
        ),
        click.option("-o", "--out", required=True, metavar="OUT", type=folder, help="Folder of the cohort."),
        model_options,
        click.option(
            "--spacing",
            metavar="Z,Y,X",
            callback=parse_spacing,
            help="Use this spacing in mm, not the files'.",
        ),
        index_options,
        click.option("--masks", is_flag=True, help="Write masks and their JSON, too, below OUT/studies."),
        output_options,
        click.option("--names", is_flag=True, help="Call studies as their files are called, not by numbers."),
        click.option(
            "--chunk",
            type=click.IntRange(1, 10_000),
            help="Studies of a chunk; 48, or fewer of a small cohort.",
        ),
    ]


@click.group(cls=_RunByDefault)
def cohort() -> None:
    """Segment thousands of studies into one table.

    The work is done here, on a cluster or in shards. SOURCE -o OUT alone is the subcommand run. Needs the
    extra: pip install 'septum[cohort]'.
    """


@cohort.command("run")
@_plan_options
@click.option("--workers", type=click.IntRange(min=1), help="Processes; by default one for each core.")
@click.option("--scheduler", metavar="ADDRESS", help="Use the workers of this Dask scheduler.")
@click.option("--slurm", is_flag=True, help="Let Slurm start the workers; needs septum[cohort-slurm].")
@click.option(
    "--kubernetes", metavar="MANIFEST", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Let Dask's operator start the workers, by the YAML of a DaskCluster; needs "
         "septum[cohort-kubernetes].",
)  # fmt: skip
@click.option("--walltime", metavar="TIME", help="Of each of Slurm's jobs; 04:00:00 by default.")
@click.option("--memory", metavar="SIZE", help="Of each of Slurm's jobs; 4GB by default.")
@click.option("--partition", metavar="NAME", help="Of Slurm, if not its default.")
@click.option("--shard", metavar="K/N", callback=parse_shard, help="Do this share of the chunks, here alone.")
def run_cohort(begin: Callable[..., Begun], shard: tuple[int, int] | None, **engine: Any) -> int:
    """Begin a cohort, or go on with it: what is done is not done again.

    SOURCE is a folder, an image, a DICOM study, an archive, or a list (CSV or Parquet) with a column path.
    Studies that are new in it are added. Without SOURCE the cohort of OUT goes on, as it was begun.
    """
    from septum.cli.segment import without_converter

    _check_engine(shard, engine)
    without_converter()
    return _run(begin(look_again=shard is None), shard, engine)


@cohort.command("plan")
@_plan_options
def plan_cohort(begin: Callable[..., Begun]) -> int:
    """Write the plan alone, for shards that begin at once; these need no more than -o OUT and --shard."""
    begun = begin()
    from septum.cohort.beginning import unfinished
    from septum.cohort.plan import chunks_of

    left, chunks = len(unfinished(begun.folder)), len(chunks_of(begun.folder))
    to_do = f"{left} {'chunk' if left == 1 else 'chunks'} to do"
    say(f"{_studies(begun.studies)}, {begun.new} of them new, {to_do}.")
    if chunks < begun.studies:
        say(
            f"More than {chunks} shards or workers have nothing to do; --chunk, when a plan is made, gives "
            "smaller chunks, and so more of them."
        )
    return 0


@cohort.command("status")
@click.argument("out", type=_FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for machines.")
def show_status(out: Path, *, as_json: bool) -> int:
    """Show how far a cohort is, and what each worker did. It may run."""
    looking = _load("septum.cohort.looking")
    found = looking.status(_folder(out))
    if as_json:
        say_json(found)
        return 0
    say(f"{_studies(found['studies'])}: {_counts(found['states'], found['left'])}")
    if found["verdicts"]:
        say("verdicts: " + ", ".join(f"{count} {name}" for name, count in found["verdicts"].items()))
    if found["duplicates"]:
        say(f"duplicates: {found['duplicates']} with the image of an earlier study, as the table says")
    say(f"chunks: {found['chunks_done']} of {found['chunks']} done, {found['chunks_begun']} begun")
    for worker in found["workers"][:20]:
        say(f"{worker['worker']}: {_studies(worker['studies'])}, {worker['studies_per_minute']} a minute")
    return 0


@cohort.command("table")
@click.argument("out", type=_FOLDER)
@click.option("-f", "--file", "path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
              help="Ends in .csv or .parquet; OUT/table.csv by default.")  # fmt: skip
@click.option(
    "--sources", is_flag=True, help="Add a column with the path of each study, which may name a patient."
)
def make_table(out: Path, path: Path | None, *, sources: bool) -> int:
    """Write the table: one row a study. As Parquet it holds the JSON of each study, too."""
    path = path or out / "table.csv"
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise click.BadParameter(
            f"expected a name that ends in .csv or .parquet, got {path}.", param_hint="--file"
        )
    count = _load("septum.cohort.looking").write_table(_folder(out), path, sources=sources)
    say(one_line(f"{path}: {_studies(count)}"))
    return 0


@cohort.command("failures")
@click.argument("out", type=_FOLDER)
@click.option("--sources", is_flag=True, help="Tell where each study lies, which may name a patient.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for machines.")
def show_failures(out: Path, *, sources: bool, as_json: bool) -> int:
    """List the studies without numbers, and why they have none."""
    found = _load("septum.cohort.looking").failures(_folder(out), sources=sources)
    if as_json:
        say_json(found)
    elif not found:
        say("no study has failed")
    else:
        from rich.table import Table

        table = Table(box=None, pad_edge=False)
        shown = ["study", "state", "reason", *(["source"] if sources else [])]
        for heading in shown:
            table.add_column(heading, overflow="fold")
        for row in found:
            table.add_row(*(one_line(row[name]) for name in shown))
        say_table(table)
    return 0


@cohort.command("retry")
@click.argument("out", type=_FOLDER)
@click.argument("studies", metavar="[STUDY]...", nargs=-1)
@click.option("--all-failed", is_flag=True, help="Take all that have failed or were set aside.")
def retry_studies(out: Path, studies: tuple[str, ...], *, all_failed: bool) -> int:
    """Let the next run do studies again that have failed or were set aside, by their names or numbers."""
    if not studies and not all_failed:
        raise click.UsageError("Missing argument 'STUDY...', or --all-failed.")
    names = _load("septum.cohort.retry").retry(_folder(out), studies, every=all_failed)
    say(f"{_studies(len(names))} will be done again by the next run.")
    return 0


@cohort.command("report")
@click.argument("out", type=_FOLDER)
@click.option("-f", "--file", "path", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
              help="OUT/report.html by default.")  # fmt: skip
def make_report(out: Path, path: Path | None) -> int:
    """Write one page on the cohort: distributions, verdicts, failures, and studies to look at."""
    path = path or out / "report.html"
    _load("septum.cohort.summary").write_page(_folder(out), path)
    say(one_line(str(path)))
    return 0


def _settings(model: str, options: ModelKeywords, indices: IndexValues, **others: Any) -> CohortSettings:
    from septum.cohort.settings import CohortSettings
    from septum.inference import ModelOptions, shipped
    from septum.workflows.options import IndexSettings
    from septum.workflows.outputs import resolved

    how = IndexSettings(**indices)
    if how.of_one_study():
        raise click.UsageError(
            f"{', '.join(how.of_one_study())}: expected nothing that belongs to one study; give it as a "
            "column of a list."
        )
    ModelOptions(**options)
    is_folder = model not in shipped() and Path(model).is_dir()
    given = {name: value for name, value in options.items() if value is not None}
    others |= {"spacing_mm": others.pop("spacing"), "outputs": resolved(others["outputs"])}
    return CohortSettings.model_validate(
        {"model": str(Path(model).absolute()) if is_folder else model, **given, "indices": how, **others}
    )


def _refuse_options() -> None:
    """Refuse options that a cohort has had since it was begun. Raises :class:`click.UsageError`."""
    ctx = click.get_current_context()
    free = {*_ENGINE, "out"}
    for option in ctx.command.params:
        name = option.name or ""
        if name not in free and ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"{option.opts[0]}: without SOURCE a cohort goes on as it was begun; leave it out, or give "
                "SOURCE."
            )


def _check_engine(shard: tuple[int, int] | None, engine: dict[str, Any]) -> None:
    """Refuse options that do not go together. Raises :class:`click.UsageError`."""
    named = [name for name in ("scheduler", "slurm", "kubernetes") if engine[name]]
    chosen = [f"--{name}" for name in (*named, *(["shard"] if shard else []))]
    if len(chosen) > 1:
        raise click.UsageError(f"{' and '.join(chosen)}: give one of them.")
    if engine["workers"] and (shard or engine["scheduler"]):
        raise click.UsageError(f"--workers: {chosen[0]} decides about workers; leave it out.")
    for name in ("walltime", "memory", "partition"):
        if engine[name] and not engine["slurm"]:
            raise click.UsageError(f"--{name} goes with --slurm: give that, too, or leave it out.")
    walltime = engine["walltime"]
    if walltime and re.fullmatch(r"(\d+-)?(\d+:)?\d+:\d\d", walltime) is None:
        raise click.BadParameter(
            f"expected a time such as 04:00:00, got {walltime!r}.", param_hint="--walltime"
        )
    memory = engine["memory"]
    if memory and re.fullmatch(r"\d+(\.\d+)? *[kMGT]i?B", memory) is None:
        raise click.BadParameter(f"expected a size such as 4GB, got {memory!r}.", param_hint="--memory")


def _run(begun: Begun, shard: tuple[int, int] | None, engine: dict[str, Any]) -> int:
    """Do what is left, and tell what came of it."""
    from septum.cli.cohort_progress import CohortNarrator, ended_by_sigterm
    from septum.cohort.beginning import unfinished
    from septum.cohort.journal import rows_in
    from septum.cohort.looking import status
    from septum.cohort.plan import size_of
    from septum.cohort.work import forgive
    from septum.core.errors import SOME_FAILED

    folder, chunks = begun.folder, unfinished(begun.folder, shard)
    of_run = size_of(folder, chunks)
    studies = begun.studies if shard is None else of_run
    before = studies - of_run + sum(len(rows_in(folder.journal(chunk))) for chunk in chunks)
    _warn_of_idle(begun, shard, engine)
    try:
        with ended_by_sigterm(), CohortNarrator(studies, before) as narrator:
            end = _run_engine(begun, chunks, shard, engine, narrator)
    except KeyboardInterrupt:
        forgive(folder, chunks)
        raise
    if end.stop is not None:
        forgive(folder, chunks)
        say_aside(f"error: {end.stop.message}")
    if end.left:
        say_aside(f"error: the cluster was lost, and {end.left} chunks are left; run again to go on.")
    if end.busy:
        say_aside(f"{end.busy} chunks are being done by other processes.")
    if shard is None:
        found = status(folder)
        states, left = found["states"], found["left"]
    else:  # two hundred of them do not read the whole table each
        states, left = end.states, size_of(folder, unfinished(folder, shard))
    what = _studies(studies) + ("" if shard is None else f" of shard {shard[0]} of {shard[1]}")
    if end.stop is not None:
        whole = studies - size_of(folder, unfinished(folder, shard))
        say(f"Stopped before the end, with {whole} of {what} in chunks that are done.")
        return end.stop.exit_code
    say(f"{what}: {_counts(states, left)}. For research use only.")
    wrong = states.get("failed", 0) + states.get("set aside", 0)
    return SOME_FAILED if end.left or wrong else 0


def _warn_of_idle(begun: Begun, shard: tuple[int, int] | None, engine: dict[str, Any]) -> None:
    """Warn where the plan has fewer chunks than there are shards or workers."""
    from septum.cohort.plan import chunks_of

    chunks, what = len(chunks_of(begun.folder)), "shards" if shard else "workers"
    processes = shard[1] if shard else engine["workers"] or (0 if engine["scheduler"] else _cores())
    is_asked_for = bool(shard or engine["workers"])
    if processes <= chunks or (chunks == begun.studies and not is_asked_for):
        return
    advice = "expected as many studies at least; ask for fewer"
    if chunks < begun.studies:
        size = max(1, begun.studies // processes)
        advice = f"plan the cohort in another folder with --chunk {size} to give work to more"
    idle = processes - chunks
    say_aside(f"warning: {idle} of {processes} {what} have no work, as there are {chunks} chunks: {advice}.")


def _run_engine(
    begun: Begun, chunks: list[str], shard: tuple[int, int] | None, engine: dict[str, Any], watcher: Watcher
) -> RunEnd:
    from septum.cohort.running import RunEnd, run_here

    out = begun.folder.path
    if not chunks:
        return RunEnd()
    if shard is not None:
        return run_here(out, chunks, watcher)
    cluster = load_with("septum.cohort.dask_engine", "a cohort on several processes", EXTRAS)
    workers = engine["workers"] or _cores()
    if engine["scheduler"]:
        opened = cluster.at_scheduler(engine["scheduler"])
    elif engine["slurm"]:
        load_with("dask_jobqueue", "a cohort by way of Slurm", EXTRAS)
        walltime, memory = engine["walltime"] or "04:00:00", engine["memory"] or "4GB"
        opened = cluster.slurm_cluster(
            out, workers, walltime=walltime, memory=memory, partition=engine["partition"]
        )
    elif engine["kubernetes"]:
        load_with("dask_kubernetes", "a cohort by way of Kubernetes", EXTRAS)
        opened = cluster.kubernetes_cluster(engine["kubernetes"], workers)
    else:
        opened = cluster.local_cluster(min(workers, len(chunks)))
    with opened as client:
        found: RunEnd = cluster.run_on(client, out, chunks, watcher)
    return found


def _cores() -> int:
    """Cores that this process may use."""
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _studies(count: int) -> str:
    """Write so many studies in words."""
    return f"{count} {'study' if count == 1 else 'studies'}"


def _counts(states: dict[str, int], left: int) -> str:
    told = [f"{count} {name}" for name, count in states.items() if count]
    return ", ".join([*told, *([f"{left} left"] if left else [])]) or "none"


def _load(module: str) -> ModuleType:
    return load_with(module, "a cohort", EXTRAS)


def _folder(out: Path) -> Any:
    from septum.cohort.folder import CohortFolder

    return CohortFolder(out.absolute())
