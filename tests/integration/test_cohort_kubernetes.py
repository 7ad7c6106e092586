"""A cohort by way of dask-kubernetes: what it is handed, with a cluster of this machine in its place."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("duckdb", reason="needs septum[cohort]")
pytest.importorskip("distributed", reason="needs septum[cohort]")

import yaml
from distributed import LocalCluster

from septum.cohort.beginning import unfinished
from septum.cohort.dask_engine import kubernetes_cluster, run_on
from septum.core import InputError, SeptumError
from support.cohort_kills import Silent
from support.cohort_parts import begun, stub_task, write_some

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "run-a-cohort.md"


@pytest.fixture
def manifest(tmp_path):
    """The one that the documentation shows."""
    (shown,) = re.findall(
        r"```yaml\n(apiVersion: kubernetes.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    )
    path = tmp_path / "cluster.yaml"
    path.write_text(shown, encoding="utf-8")
    return path


def use(monkeypatch, cluster):
    monkeypatch.setitem(sys.modules, "dask_kubernetes", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "dask_kubernetes.operator", SimpleNamespace(KubeCluster=cluster))


def test_the_documented_manifest_is_handed_over_and_its_workers_do_the_cohort(
    tmp_path, monkeypatch, manifest
):
    told, scaled = [], []

    class Cluster(LocalCluster):
        def __init__(self, *, custom_cluster_spec, quiet):
            told.append((custom_cluster_spec, quiet))
            super().__init__(n_workers=0, threads_per_worker=1, dashboard_address=None)

        def scale(self, workers):
            scaled.append(workers)
            super().scale(workers)

    use(monkeypatch, Cluster)
    cohort = begun(write_some(tmp_path / "in", 3), tmp_path / "out", chunk=1).folder
    with kubernetes_cluster(manifest, 1) as client:
        end = run_on(client, cohort.path, unfinished(cohort), Silent(), stub_task)
    assert (end.done, end.left, end.stop) == (3, 0, None)
    assert scaled[0] == 1
    ((spec, quiet),) = told
    assert quiet
    assert spec == yaml.safe_load(manifest.read_text())
    ports = {port["name"] for port in spec["spec"]["scheduler"]["service"]["ports"]}
    assert ports == {"tcp-comm", "http-dashboard"}
    (worker,) = spec["spec"]["worker"]["spec"]["containers"]
    assert worker["args"][-2:] == ["--nthreads", "1"]


@pytest.mark.parametrize(
    "text",
    ["", "- a", "kind: Pod\nmetadata: {name: a}\nspec: {}", "kind: DaskCluster\nspec: {}", "a: [", "\0"],
)
def test_a_file_without_such_a_cluster_is_refused(tmp_path, monkeypatch, text):
    use(monkeypatch, None)
    path = tmp_path / "cluster.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"cluster\.yaml"), kubernetes_cluster(path, 1):
        pass


def test_a_kubernetes_that_is_not_there_is_told_in_a_sentence(monkeypatch, manifest):
    def missing(**_):
        raise FileNotFoundError("kubeconfig")

    use(monkeypatch, missing)
    with pytest.raises(SeptumError, match="FileNotFoundError"), kubernetes_cluster(manifest, 1):
        pass
