"""The page of a cohort: what it shows, what it loads, and the files that it links to."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

pytest.importorskip("duckdb", reason="needs septum[cohort]")

from septum.cohort.beginning import unfinished
from septum.cohort.parts import write_part
from septum.cohort.plan import studies_of
from septum.cohort.rows import State, other_row
from septum.cohort.summary import facts_of, write_page
from support.cohort_parts import begun, run, write_phantoms, write_some

NAMES = [f"DOE^JANE_{number}" for number in range(1, 8)]


def test_the_page_of_a_cohort_shows_distributions_failures_and_links_and_loads_nothing(tmp_path):
    write_phantoms(tmp_path / "in", NAMES)
    (tmp_path / "in" / NAMES[0] / "cine.nii.gz").unlink()
    (tmp_path / "in" / NAMES[0] / "cine.nii.gz").write_bytes(b"secret words")
    folder = begun(tmp_path / "in", tmp_path / "out", outputs={"report": {"identify": False}}).folder
    run(folder)
    write_page(folder, folder.path / "report.html")
    page = (folder.path / "report.html").read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy
    assert "script-src" not in policy
    assert not re.findall(r"(?:src|href)=\"(?!data:,)", page)
    assert 'data-index="lv_ef_percent"' in page
    assert "the study is not" in page
    assert not [secret for secret in ("secret", "DOE", str(tmp_path)) if secret in page]


def test_an_outlier_is_named_with_its_distance_and_its_page(tmp_path):
    folder = begun(write_some(tmp_path / "in", 21), tmp_path / "out", chunk=30).folder
    (chunk,) = unfinished(folder)
    studies = studies_of(folder, chunk)
    values = [60.0 + number % 5 for number in range(20)] + [12.0]
    made = [
        other_row(one, State.DONE, "", "") | {"lv_ef_percent": value, "verdict": "fine"}
        for one, value in zip(studies, values, strict=True)
    ]
    write_part(folder.part(chunk), made)
    page = folder.studies / chunk / f"{studies[-1].study}_report.html"
    page.parent.mkdir(parents=True)
    page.write_text("page")
    facts = facts_of(folder, folder.path)
    (outlier,) = facts.outliers
    assert (outlier.study, outlier.value) == (studies[-1].study, 12.0)
    assert outlier.z == pytest.approx((12.0 - 62.0) / 1.4826)
    assert (folder.path / outlier.page).read_text() == "page"
    (shown,) = facts.distributions
    assert (shown.count, sum(shown.bars), shown.quantiles[2]) == (21, 21, 62.0)
