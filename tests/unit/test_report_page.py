"""The report's file: the numbers it was given, nothing that it was not, and nothing that runs by itself."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from septum.core import VENTRICLES, Cine, Geometry, Note, Quality, Segmentation, Study, Verdict
from septum.indices import clinical_indices
from septum.phantom import PhantomSettings
from septum.report import pictures as report_pictures
from septum.report import write_report
from septum.report.markup import luminance, on_paper
from septum.report.pictures import ReportView, pictures, run_lengths
from support.phantom_study import PhantomProvenance, PhantomStudy, phantom_study

if TYPE_CHECKING:
    from pathlib import Path

WRITTEN = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
HOSTILE = '</script><script>alert("x")</script><img src=x onerror=alert(1)> & \'"'


class Parsed(HTMLParser):
    """Elements with their attributes, and the text within each kind."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)


def written(folder: Path, heart: PhantomStudy, *, title="phantom", identify=None, **changed) -> str:
    path = folder / "report.html"
    write_report(path, replace(heart, **changed), title=title, identify=identify, written=WRITTEN)
    return path.read_text(encoding="utf-8")


def island(page: str, name: str = "septum-study") -> dict:
    (found,) = re.findall(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)
    return json.loads(found)


@pytest.fixture(scope="module")
def heart() -> PhantomStudy:
    return phantom_study(PhantomSettings(frames=4, slices=6, matrix=(150, 150)))


@pytest.fixture(scope="module")
def still() -> PhantomStudy:
    return phantom_study(PhantomSettings(frames=1, slices=6, matrix=(150, 150)))


def decoded(runs: bytes) -> list[int]:
    voxels: list[int] = []
    place = 0
    while place < len(runs):
        label, length, shift = runs[place], 0, 0
        place += 1
        while True:
            length |= (runs[place] & 0x7F) << shift
            shift += 7
            place += 1
            if runs[place - 1] < 0x80:
                break
        voxels += [label] * length
    return voxels


@given(
    arrays(
        np.uint8,
        st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 70)),
        elements=st.integers(0, 3),
    )
)
def test_runs_give_the_mask_back(labels):
    assert decoded(run_lengths(labels)) == labels.ravel().tolist()


def test_long_runs_give_the_mask_back():
    labels = np.zeros((5, 100, 90), np.uint8)
    labels[3:] = 255
    assert decoded(run_lengths(labels)) == labels.ravel().tolist()


def test_values_are_those_given_in_the_table_and_for_machines(heart, tmp_path):
    page = written(tmp_path, heart)
    told = island(page)
    assert told["indices"]["volumes_ml"] == {k: list(v) for k, v in heart.indices.volumes_ml.items()}
    assert told["quality"]["flags"][0]["reason"] == heart.quality.flags[0].reason
    assert told["indices"]["wall"]["end_diastolic_mm"] == list(heart.indices.wall.end_diastolic_mm)
    for index, machine in zip(heart.indices.items, told["indices"]["items"], strict=True):
        assert (machine["value"], machine["indexed"]) == (index.value, index.indexed)
        (row,) = re.findall(rf'<tr id="index-{index.key}">(.*?)</tr>', page)
        cells = [re.sub("<.*?>", "", cell) for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row)]
        decimals = 1 if index.unit == "l/min" else 0
        shown = ["–" if index.value is None else f"{index.value:.{decimals}f}", index.unit]
        shown.append("" if index.indexed is None else f"{index.indexed:.{decimals}f}")
        assert cells == [index.title, *shown, index.definition]


def test_indices_are_those_that_the_mask_can_have(heart, still, tmp_path):
    def rows(segmentation):
        page = written(tmp_path, heart, segmentation=segmentation, indices=clinical_indices(segmentation))
        return dict(re.findall(r'<tr id="index-(\w+)">.*?<td class="number value">(.*?)</td>', page))

    beating = rows(heart.segmentation)
    assert {key for key in beating if key.endswith("_volume_ml") or key == "lv_mass_g"} == set()
    assert {key for key, cell in beating.items() if cell == "–"} == {
        "cardiac_output_l_min",  # there is no heart rate, and there are too few frames for a curve
        "lv_peak_ejection_rate_ml_s", "lv_time_to_peak_ejection_ms",
        "lv_peak_filling_rate_ml_s", "lv_time_to_peak_filling_ms",
        "lv_time_to_peak_gcs_ms", "lv_time_to_peak_grs_ms",
    }  # fmt: skip
    empty = replace(heart.segmentation, labels=np.zeros_like(heart.segmentation.labels))
    assert rows(empty) == {}
    page = written(
        tmp_path,
        still,
        indices=clinical_indices(still.segmentation),
    )
    assert re.findall(r'<tr id="index-(\w+)">', page) == ["lv_volume_ml", "rv_volume_ml", "lv_mass_g"]
    assert ">–<" not in page.split('id="indices"')[1].split("</section>")[0]


def test_what_was_given_is_text_wherever_it_stands(heart, tmp_path):
    flag = replace(heart.quality.flags[0], reason=HOSTILE)
    page = written(
        tmp_path,
        heart,
        title=HOSTILE,
        study=replace(heart.study, notes=(Note("hostile", HOSTILE),)),
        indices=replace(
            heart.indices,
            notes=(Note("hostile", HOSTILE),),
            items=(replace(heart.indices.items[0], title=HOSTILE),),
        ),
        quality=replace(heart.quality, flags=(flag,)),
        provenance=PhantomProvenance({HOSTILE: HOSTILE}),
        identify={HOSTILE: HOSTILE},
    )
    plain, hostile = Parsed(written(tmp_path, heart)), Parsed(page)
    assert hostile.count("script") == plain.count("script") == 3
    assert hostile.count("img") == plain.count("img")
    assert not any(name.startswith("on") for _, attributes in hostile.elements for name in attributes)
    assert "".join(hostile.texts["h1"]) == HOSTILE
    assert island(page)["title"] == HOSTILE


def test_a_patient_is_named_only_if_asked(heart, tmp_path):
    assert "identify" not in island(written(tmp_path, heart))
    page = written(tmp_path, heart, identify={"Name": "Phantom^Paula"})
    assert "<dt>Name</dt><dd>Phantom^Paula</dd>" in page
    assert island(page)["identify"] == {"Name": "Phantom^Paula"}


def test_nothing_is_loaded_from_elsewhere(heart, tmp_path):
    parsed = Parsed(written(tmp_path, heart))
    policy = next(
        a["content"] for _, a in parsed.elements if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    loaded = [a[k] for tag, a in parsed.elements for k in ("src", "href") if k in a and tag != "a"]
    assert [address for address in loaded if not address.startswith(("data:", "#"))] == []
    links = [a["href"] for tag, a in parsed.elements if tag == "a" and not a["href"].startswith("#")]
    assert all(address.startswith("http://127.0.0.1:8642/#/study/") for address in links)
    assert not any("style" in attributes for _, attributes in parsed.elements)


def test_slices_are_found_where_the_file_has_them_last(heart, tmp_path):
    """Axes (Z, Y, X) laid down as (Y, X, Z) give the same pictures, masks and numbers."""
    cine, mask = heart.study.cine, heart.segmentation
    grid = cine.geometry.permuted((1, 2, 0))
    turned = Study(Cine(np.moveaxis(cine.array, 1, 3), grid, cine.frame_interval_ms), heart.study.sha256)
    labels = Segmentation(np.moveaxis(mask.labels, 1, 3), grid, mask.schema)
    first = written(tmp_path, heart, study=replace(heart.study, notes=()))
    assert written(tmp_path, heart, study=turned, segmentation=labels) == first


def test_a_single_frame_has_no_curve_and_one_bullseye(still, heart, tmp_path):
    page, moving = written(tmp_path, still), written(tmp_path, heart)
    assert ('id="curve"' in page, 'id="curve"' in moving) == (False, True)
    assert ('id="frame"' in page, 'id="frame"' in moving) == (False, True)
    assert (page.count('class="bullseye"'), moving.count('class="bullseye"')) == (1, 3)
    assert island(page)["frames"] == 1


def test_without_indices_and_quality_it_says_so(heart, tmp_path):
    page = written(tmp_path, heart, indices=None, quality=None)
    assert 'class="verdict unknown"' in page
    assert "data-verdict" not in page
    assert 'id="indices"' not in page
    assert 'id="curve"' not in page
    assert island(page)["indices"] is None


@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_verdict_is_a_word_and_a_key(heart, tmp_path, verdict):
    page = written(tmp_path, heart, quality=Quality(verdict))
    assert f'class="verdict {verdict.value}" data-verdict="{verdict.value}"' in page
    assert f"<strong>{verdict.value.capitalize()}</strong>" in page


def test_each_flag_has_its_key(heart, tmp_path):
    (listed,) = re.findall(r'<ul class="flags">(.*?)</ul>', written(tmp_path, heart), re.DOTALL)
    flags = re.findall(r'<li class="(\w+)" data-key="(\w+)">', listed)
    assert flags == [(flag.verdict.value, flag.key) for flag in heart.quality.flags]


def test_the_page_says_when_it_was_written(heart, tmp_path):
    page = written(tmp_path, heart)
    moment = '<time datetime="2026-03-04T05:06+00:00">4 March 2026, 05:06 UTC</time>'
    assert page.count(moment) == 2, "at the head and in the provenance"
    assert island(page)["written"] == "2026-03-04T05:06+00:00"
    before = datetime.now(UTC).replace(second=0, microsecond=0)
    write_report(tmp_path / "now.html", heart, title="now")
    stamped = island((tmp_path / "now.html").read_text(encoding="utf-8"))["written"]
    assert before <= datetime.fromisoformat(stamped) <= datetime.now(UTC)


def test_equal_times_are_not_taken_for_times(heart, tmp_path):
    cine = replace(heart.study.cine, frame_times_ms=(0.0,) * 4)
    indices = replace(heart.indices, times_ms=(0.0,) * 4)
    page = written(tmp_path, heart, study=replace(heart.study, cine=cine), indices=indices)
    assert island(page)["times_ms"] is None
    assert ">Frame</text>" in page  # the name of the axis


def test_without_a_mask_the_whole_image_is_shown(heart):
    empty = replace(heart.segmentation, labels=np.zeros_like(heart.segmentation.labels))
    assert pictures(ReportView.of(heart.study, empty))["columns"] == 150
    assert pictures(ReportView.of(heart.study, heart.segmentation))["columns"] < 150


def test_a_picture_shows_the_frame_at_its_place(heart):
    shown = ReportView.of(heart.study, heart.segmentation)
    made = pictures(shown)
    sheet = Image.open(io.BytesIO(base64.b64decode(made["sheets"][2].split(",")[1]))).convert("L")
    width, height = made["tile"]
    row, column = divmod(3, made["tiles_a_row"])
    tile = np.asarray(sheet)[row * height : (row + 1) * height, column * width : (column + 1) * width]
    low, high = shown.window
    wanted = np.clip((shown.region.crop(shown.images)[3, 2] - low) / (high - low), 0, 1) * 255
    assert np.abs(tile - wanted).mean() < 4.0


def test_large_pictures_are_reduced_and_masks_are_not(heart, monkeypatch):
    shown = ReportView.of(heart.study, heart.segmentation)
    whole = pictures(shown)
    monkeypatch.setattr(report_pictures, "MOST_PIXELS", 24 * 40 * 40)
    small = pictures(shown)
    assert small["tile"][0] * small["tile"][1] <= 41 * 41
    assert small["runs"] == whole["runs"]


def test_thirty_noisy_frames_of_a_whole_heart_stay_below_eight_megabytes(tmp_path):
    rng = np.random.default_rng(0)
    geometry = Geometry((10, 216, 256), (10.0, 1.4, 1.4))
    labels = np.zeros((30, 10, 216, 256), np.uint8)
    labels[:, 1:9, 60:150, 70:170] = rng.integers(1, 4, (30, 8, 90, 1))
    image = rng.normal(300.0, 40.0, labels.shape).astype(np.float32) + 300.0 * labels
    study = Study(Cine(image, geometry), "ab" * 32)
    noise = PhantomStudy(study, Segmentation(labels, geometry, VENTRICLES), None, None)
    path = tmp_path / "report.html"
    write_report(path, noise, title="noise")
    assert path.stat().st_size < 8_000_000


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_lines_stand_out_from_white(colour):
    assert 1.05 / (luminance(on_paper(colour)) + 0.05) >= 4.5


def test_shapes_that_differ_are_refused(heart, tmp_path):
    labels = replace(heart.segmentation, labels=heart.segmentation.labels[:2])
    with pytest.raises(ValueError, match="differ in shape"):
        written(tmp_path, heart, segmentation=labels)
    assert list(tmp_path.iterdir()) == []


def test_the_ends_of_each_structure_stand_with_their_probabilities(tmp_path, heart):
    frames, slices = heart.segmentation.labels.shape[:2]
    drawn = (heart.segmentation.labels == 3).any(axis=(2, 3))
    phases = (heart.indices.phases.end_diastole, heart.indices.phases.end_systole)
    known = tuple(tuple(0.5 + 0.01 * z for z in range(slices)) for _ in range(frames))
    page = written(tmp_path, heart, presence={"LV": known})
    rows = re.findall(r'<tr data-structure="(\w+)" data-phase="(\w+)">(.*?)</tr>', page, re.DOTALL)
    assert [row[:2] for row in rows] == [("LV", "ED"), ("LV", "ES")]
    for (_, _, cells), frame in zip(rows, phases, strict=True):
        places = drawn[frame].nonzero()[0]
        for z in (places[0], places[-1]):
            assert f"slice {z + 1}: {50 + z} %" in cells
    assert 'id="slice-ends"' not in written(tmp_path, heart)
