"""Tables of how fast viewer, node and cohort are: what was wanted, and what their benchmarks measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from septum.metrics.table import Column, Section, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    Result = Mapping[str, Any]


def viewer_table(result: Result) -> Table:
    """What a reader waits for in the viewer.

    Args:
        result: of ``benchmarks/view_time.py``, a mapping as its JSON is.

    Raises:
        KeyError: the result is of another format.
    """
    frames, slices, *matrix = result["shape"]
    rows = [
        ("First picture after a click, NIfTI", "2 s", _s(result["first_picture_s"])),
        ("The same, DICOM study that was not open before", "2 s", _s(result["dicom_first_picture_s"])),
        ("From the end of a stroke to all numbers", "200 ms",
         f"{result['stroke_to_numbers_ms']['median']:.0f} ms"),
        ("Frames shown a second, of a beat that has so many", f"{result['frames_of_the_beat_per_s']:.0f}",
         f"{result['frames_shown_per_s']:.0f}"),
        ("First row of a list of 5,000 studies", "", _s(result["list_first_row_s"])),
        ("Refreshes over 50 ms while it is scrolled", "0", str(result["list_hitches"])),
    ]  # fmt: skip
    machine = result["machine"]
    note = (
        f"Medians. Cine of {frames} frames of {slices} slices of {' x '.join(map(str, matrix))} voxels, in "
        f"{result['browser']} without a graphics processor; {_machine(machine)}."
    )
    return _table("The viewer", rows, note)


def node_table(result: Result) -> Table:
    """How long a study is on its way through the node.

    Args:
        result: of ``benchmarks/node_latency.py``, a mapping as its JSON is.

    Raises:
        KeyError: the result is of another format.
    """
    rows = [
        (f"From the last image to all results in Orthanc, {told}", "15 s", f"{result[way]['total']:.1f} s")
        for way, told in (("c-store", "sent to the node by C-STORE"), ("orthanc", "taken from Orthanc"))
    ]
    parts = result["c-store"]
    rows += [
        (told, "", f"{parts[part]:.1f} s")
        for part, told in (
            ("until_complete", "of the first, until the study is complete"),
            ("segmenting_and_writing", "of the first, segmenting and writing"),
            ("sending_back", "of the first, sending back"),
        )
    ]
    note = (
        f"One study of {result['images']} images of {result['matrix']} x {result['matrix']} voxels, once "
        f"each way, on {result['cores']} cores. The quiet time of {result['quiet_s']:g} s, after which a "
        "study counts as complete, is a setting and in the time."
    )
    return _table("The node", rows, note)


def cohort_table(result: Result) -> Table:
    """What a study costs in a cohort.

    Args:
        result: of ``benchmarks/cohort_rate.py``, a mapping as its JSON is.

    Raises:
        KeyError: the result is of another format.
    """
    seen = result["comparison"]
    rows = [
        (f"Rate over that of `segment`, {told}", "90 %", f"{100 * seen[key]:.0f} %")
        for key, told in (
            ("cohort_over_segment", "table alone"), ("cohort_masks_over_segment", "masks, too"),
        )
    ]  # fmt: skip
    for one in result["sizes"]:
        each = sum(one[part] for part in ("plan_ms_per_study", "run_ms_per_study", "table_ms_per_study"))
        told = f"Each of {one['studies']:,} studies without the networks, and most memory"
        rows.append((told, "", f"{each:.0f} ms, {one['peak_memory_mb']:.0f} MB"))
    note = (
        f"The rates are of {seen['studies']} phantoms of {seen['frames']} frames with {seen['workers']} "
        f"processes, on {result['machine']['processors']} cores, start included."
    )
    return _table("The cohort", rows, note)


def kills_table(node: Result, many: Result, cohort: Result) -> Table:
    """What is lost or done twice where processes are killed, and what a large study takes of the node.

    Args:
        node: of ``tools/node_kills.py``, a mapping as its JSON is.
        many: of ``benchmarks/node_many.py``.
        cohort: of ``tools/cohort_kills.py``.

    Raises:
        KeyError: one of them is of another format.
    """
    one = many["one_study"]
    seconds = one["processor_seconds_for_each_1000_images"]
    memory = max(one["memory_mb_at_start_and_after_each_1000_and_at_the_end"])
    killed = cohort["killed"]
    rows = [
        ("Node: kills", "200", str(node["kills"])),
        (f"Images lost, of {node['images_acknowledged']:,}", "0", str(node["images_lost"])),
        (f"Objects sent twice, of {node['objects_made']:,}", "0",
         str(node["stores_repeated_with_the_same_bytes"] + node["objects_of_two_contents"])),
        (f"A study of {one['instances']:,} images: processor time for each 1,000", "",
         f"{min(seconds):.0f} to {max(seconds):.0f} s"),
        ("The same: most memory, without the networks", "", f"{memory} MB"),
        ("Cohort: kills", "300", str(cohort["kills"])),
        (f"Studies lost or twice in the table, of {cohort['studies']:,}", "0",
         str(cohort["studies"] + cohort["rows"] - 2 * cohort["distinct"])),
        ("Studies segmented more than once for each kill", f"less than {cohort['chunk']}",
         f"{cohort['segmented_more_than_once'] / cohort['kills']:.1f}"),
        ("Studies set aside, of one that ends each process that segments it", "1",
         str(len(cohort["set_aside"]))),
    ]  # fmt: skip
    note = (
        "Kills are SIGKILL. Those of the node come before and after the steps of its work and at moments "
        f"drawn by chance. Those of the cohort hit workers {killed['worker']} times, processes for single "
        f"studies {killed['alone']} times and the scheduler {killed['scheduler']} times; each run that ended "
        "was started again. A model that gives a known mask stands in for the networks."
    )
    return _table("Killed on purpose", rows, note)


def _table(title: str, rows: list[tuple[str, str, str]], note: str) -> Table:
    columns = tuple(map(Column, ("", "Wanted", "Measured")))
    return Table(title, columns, (Section("", tuple(rows)),), (note,))


def _s(spread: Mapping[str, float]) -> str:
    return f"{spread['median']:.2f} s"


def _machine(machine: Mapping[str, Any]) -> str:
    return f"{machine['processor']}, {machine['cores']} cores, load before {machine['load_average']:.1f}"
