"""Numbers for Prometheus, in its text format 0.0.4."""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Every number that the node counts up, with what it means.
COUNTERS = {
    "instances_received_total": "Images taken in.",
    "instances_repeated_total": "Images that had come before.",
    "objects_left_out_total": "Objects that are no image to segment, or made by this node.",
    "instances_refused_total": "Images refused for want of room, or since nothing could be made of them.",
    "associations_rejected_total": "Callers that are not on the allow list.",
    "studies_total": "Studies that came to an end, by what became of them.",
    "objects_sent_total": "Objects that a destination has acknowledged.",
    "send_failures_total": "Attempts to send that failed.",
    "segmenting_seconds_total": "Seconds spent on segmenting and writing objects.",
    "loop_errors_total": "Errors that a part of the node did not foresee.",
}


class Metrics:
    """Counts while the node runs.

    >>> metrics = Metrics()
    >>> metrics.add("objects_sent_total", destination="pacs")
    >>> print(metrics.text({}).splitlines()[-1])
    septum_node_objects_sent_total{destination="pacs"} 1
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()

    def add(self, name: str, by: float = 1, **labels: str) -> None:
        """Count something up.

        Args:
            name: one of :data:`COUNTERS`.
            by: how much.
            labels: what it belongs to.
        """
        with self._lock:
            self._counts[name, tuple(sorted(labels.items()))] += by  # type: ignore[assignment]  # seconds

    def text(self, gauges: Mapping[str, tuple[str, Mapping[str, float]]]) -> str:
        """Write all numbers.

        Args:
            gauges: name to meaning and values as of now, by label (``state="done"``, or nothing).
        """
        lines = []
        for name, (meaning, values) in gauges.items():
            lines += _head(name, meaning, "gauge")
            lines += [
                f"septum_node_{name}{{{label}}} {value:g}".replace("{}", "")
                for label, value in values.items()
            ]
        with self._lock:
            counts = dict(self._counts)
        for name, meaning in COUNTERS.items():
            found = {labels: value for (one, labels), value in counts.items() if one == name}
            if found:
                lines += _head(name, meaning, "counter")
            lines += [
                f"septum_node_{name}{_labels(labels)} {value:.10g}" for labels, value in sorted(found.items())
            ]
        return "\n".join(lines) + "\n"


def _head(name: str, meaning: str, kind: str) -> list[str]:
    return [f"# HELP septum_node_{name} {meaning}", f"# TYPE septum_node_{name} {kind}"]


def _labels(labels: tuple[tuple[str, str], ...]) -> str:
    escaped = [(k, v.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")) for k, v in labels]
    return "{" + ",".join(f'{k}="{v}"' for k, v in escaped) + "}" if labels else ""
