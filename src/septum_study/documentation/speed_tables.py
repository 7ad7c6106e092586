"""Tables of the speed benchmark: what was wanted, what was measured, and the peers beside it."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from septum.metrics.table import Column, Section, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    Result = Mapping[str, Any]

#: Dice that a faster way of computing may cost.
TOLERANCE = 0.001


def speed_tables(result: Result) -> dict[str, Table]:
    """All tables of one result of the benchmark's suite, a mapping as its JSON is.

    Raises:
        KeyError: the result is of another schema.
    """
    return {
        "machine": _machine(result),
        "targets": _targets(result),
        "ways": _ways(result),
        "peers": _peers(result),
        "accuracy": _accuracy(result),
    }


def speed_summary(result: Result) -> str:
    """What the README says: one paragraph."""
    volume, cine = result["volume"]["openvino"], result["cine"]
    own, machine = _median(volume["wall_s"]), result["machine"]
    beside = [
        f"{_median(peer['volume']['wall_s']) / own:.0f} times as fast as nnU-Net's {peer['configuration']} "
        + ("with its defaults" if peer["mirroring"] else "without mirroring")
        for peer in result["peers"]
    ]
    peers = f" In the same run, that is {' and '.join(beside)}." if beside else ""
    return (
        f"On {machine['cores']} cores ({machine['processor']}) without a GPU, from file to mask, start "
        f"included, a volume of 216 × 256 × 10 voxels takes {own:.1f} s.{peers} A cine of 30 such frames "
        f"takes {_median(cine['wall_s']):.1f} s, and each volume of a folder "
        f"{_median(result['folder']['warm_s']):.2f} s. Memory: {volume['peak_mb']:.0f} MB for a "
        f"volume, {cine['peak_mb']:.0f} MB for the cine. The environment that `make demo` makes takes "
        f"{result['environment_mb']:.0f} MB.\n"
    )


def _machine(result: Result) -> Table:
    machine, versions = result["machine"], result["versions"]
    facts = (
        ("Processor", f"{machine['processor']}, {machine['cores']} cores"),
        ("System", machine["system"]),
        ("Load before", f"{machine['load_average']:.2f}"),
        ("Python", result["python"]),
        ("Libraries", ", ".join(f"{name} {number}" for name, number in versions.items())),
        ("Commit", result["commit"]),
        ("Model", f"{result['bundle']['name']}, {result['bundle']['sha256'][:12]}"),
        ("Best convolution, float32", f"{result['best_gflops']:.0f} GFLOP/s"),
    )
    return _table("Where it was measured", ("", ""), facts)


def _targets(result: Result) -> Table:
    inside, cine = result["inside"]["openvino"], result["cine"]
    volume = result["volume"]["openvino"]
    floor_s = inside["flop"] / (1e9 * result["best_gflops"])
    loaded = result["imports_s"]
    frames = _median(result["cine_frame_s"])
    rows = [
        ("One volume, 216 × 256 × 10, file to file", "1.5 s", "1.0 s", _seconds(volume["wall_s"])),
        ("Cine of 30 such frames, file to file", "13 s", "6 s", _seconds(cine["wall_s"])),
        ("Each frame of it but the first", "0.4 s", "", f"{frames:.2f} s"),
        ("Networks' time over the floor", "1.6", "1.3", f"{inside['networks_s'] / floor_s:.2f}"),
        ("Reading, resampling, cropping, pasting, writing", "30 %", "15 %",
         _percent(inside["other_s"], inside)),
        (
            f"Wall over the networks' time, {inside['volumes']} volumes",
            "1.25", "1.15", f"{inside['wall_s'] / inside['overlapped_networks_s']:.2f}",
        ),
        (
            "Imports, and compilation of both graphs (no cache)", "0.9 s", "0.5 s",
            _seconds(loaded["imports and compilation"]),
        ),
        (
            "The same without Python's compiled files", "", "",
            _seconds(loaded["imports and compilation, nothing compiled before"]),
        ),
        ("Memory, one volume", "300 MB", "230 MB", f"{volume['peak_mb']:.0f} MB"),
        ("Memory, cine of 30 frames", "500 MB", "350 MB", f"{cine['peak_mb']:.0f} MB"),
        ("`import septum`", "0.25 s", "", _seconds(loaded["import septum"])),
        ("`septum --help`", "0.3 s", "", _seconds(loaded["septum --help"])),
        ("Environment on disk", "650 MB", "450 MB", f"{result['environment_mb']:.0f} MB"),
    ]  # fmt: skip
    note = (
        "Medians; times are of whole processes but for frames. The floor is the number of operations of the "
        "convolutions over the best rate at which this machine was seen to convolve."
    )
    return _table("Wanted and measured", ("", "At least", "Aim", "Measured"), rows, (note,))


def _ways(result: Result) -> Table:
    rows = [
        (name, _seconds(one["wall_s"]), _spread(one["wall_s"]), f"{one['peak_mb']:.0f}")
        for name, one in result["volume"].items()
    ]
    notes = ("Torch computes the same networks in float32, with its own start in the time.",)
    columns = ("Networks run by", "Median", "Quartiles", "Memory (MB)")
    return _table("One volume as a whole process, by way of computing", columns, rows, notes)


def _peers(result: Result) -> Table:
    own = _median(result["volume"]["openvino"]["wall_s"])
    warm = _median(result["folder"]["warm_s"])
    rows = [
        (
            "Septum", f"{own:.2f} s", "", f"{result['volume']['openvino']['peak_mb']:.0f}",
            f"{warm:.2f} s", "",
        )
    ]  # fmt: skip
    for peer in result["peers"]:
        mirrored = "eight mirror images" if peer["mirroring"] else "no mirror images"
        name = f"nnU-Net, {peer['configuration']}, {mirrored}"
        alone, folder = _median(peer["volume"]["wall_s"]), peer["folder"]
        beside = None if folder is None else _median(folder["warm_s"])
        rows.append(
            (
                name, f"{alone:.1f} s", f"{alone / own:.0f}", f"{peer['volume']['peak_mb']:.0f}",
                "" if beside is None else f"{beside:.2f} s", "" if beside is None else f"{beside / warm:.0f}",
            )
        )  # fmt: skip
    whole, warm_one = "One volume, file to file", f"A volume of {result['folder']['volumes']}, warm"
    columns = (
        Column(""), Column("Time", whole), Column("Times Septum's", whole), Column("Memory (MB)", whole),
        Column("Time", warm_one), Column("Times Septum's", warm_one),
    )  # fmt: skip
    facts = result["peer_facts"]
    note = "nnU-Net was not there."
    if facts:
        note = (
            f"nnU-Net {facts['versions']['nnunetv2']} with torch {facts['torch_build']}, {facts['threads']} "
            f"threads, {facts['environment_bytes'] / 1e9:.1f} GB on disk; weights untrained."
        )
    return Table("Beside nnU-Net, in the same run", columns, (Section("", tuple(rows)),), (note,))


def _accuracy(result: Result) -> Table:
    found = result["accuracy"]
    if found is None:
        return _table("Dice", ("", "", ""), (), ("Not measured: no data was given.",))
    rows = [("torch, float32", f"{found['reference']:.4f}", "")]
    rows += [
        (name, f"{value:.4f}", f"{value - found['reference']:+.4f}") for name, value in found["fast"].items()
    ]
    note = (
        f"Mean Dice over {found['cases']} volumes of unseen patients; at most {TOLERANCE} may be lost. As a "
        "cine, both phases of a patient are segmented in the one region that they have in common."
    )
    return _table("What speed costs", ("Networks run by", "Mean Dice", "Difference"), rows, (note,))


def _table(title: str, columns: tuple[str, ...], rows: Any, notes: tuple[str, ...] = ()) -> Table:
    return Table(title, tuple(map(Column, columns)), (Section("", tuple(rows)),), notes)


def _median(spread: Mapping[str, float]) -> float:
    return spread["median"]


def _seconds(spread: Mapping[str, float]) -> str:
    return f"{spread['median']:.2f} s"


def _spread(spread: Mapping[str, float]) -> str:
    return f"{spread['lower_quartile']:.2f} to {spread['upper_quartile']:.2f} s"


def _percent(part: float, inside: Mapping[str, float]) -> str:
    return f"{100 * part / inside['networks_s']:.0f} %"


def linear_fit(sizes: list[float], values: list[float]) -> tuple[float, float]:
    """Slope and intercept of the line nearest to points by least squares."""
    line = statistics.linear_regression(sizes, values)
    return line.slope, line.intercept
