"""What a reader could take wrongly: intervals, notes, sides of the patient, scales, who told a number."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from septum.core import (
    Bias,
    EjectionFractionInterval,
    Geometry,
    Known,
    Level,
    Note,
    Quality,
    Source,
    Verdict,
    WallThickness,
)
from septum.indices import clinical_indices
from septum.indices.body import NO_SIZE
from septum.indices.notes import PAPILLARY as PAPILLARY_NOTE
from septum.indices.wall import ORIENTATION_LOST
from septum.phantom import PhantomSettings
from septum.report import write_report
from septum.report.bullseye import INK, UNSURE_SIDES, bullseyes, ticks_of
from septum.report.curve import stroke_volumes
from septum.report.edges import certain_edges, edges_of
from septum.report.markup import luminance, markup, number
from septum.report.numbers import NO_RANGES, PAPILLARY, REFUSED, basis
from septum.report.pictures import ReportView
from septum.report.viewer import UNKNOWN_SIDES, ends_of
from septum.workflows.options import IndexSettings
from support.phantom_study import PhantomStudy, phantom_study

if TYPE_CHECKING:
    from pathlib import Path

WRITTEN = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
AXIAL = Geometry((4, 5, 6), (8.0, 1.0, 1.0))
#: Columns along which (Z, Y, X) run: a short axis whose rows run down and back.
OBLIQUE = tuple(zip((0.6, -0.64, -0.48), (0.0, 0.6, -0.8), (0.8, 0.48, 0.36), strict=True))


def written(folder: Path, heart: PhantomStudy, *, title="phantom", identify=None, **changed) -> str:
    path = folder / "report.html"
    write_report(path, replace(heart, **changed), title=title, identify=identify, written=WRITTEN)
    return path.read_text(encoding="utf-8")


def part(page: str, name: str) -> str:
    """The words of a section, one space between elements."""
    (found,) = re.findall(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    return " ".join(re.sub("<.*?>", " ", found).split())


@pytest.fixture(scope="module")
def heart() -> PhantomStudy:
    return phantom_study(PhantomSettings(frames=4, slices=6, matrix=(150, 150)))


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (156.66, "ml", "157"), (62.5, "ml", "63"), (13.5, "ml", "14"), (9.96, "ml", "10"), (9.94, "g", "9.9"),
        (-22.98, "ml", "−23"), (-0.04, "ml", "0.0"), (4.96, "ml/m²", "5.0"), (59.8, "%", "60"),
        (2.4612, "l/min", "2.5"), (10.479, "mm", "10.5"), (290.8, "ml/s/m²", "291"), (None, "ml", "–"),
    ],
)  # fmt: skip
def test_numbers_have_the_digits_that_a_mask_carries(value, unit, shown):
    assert number(value, unit) == shown


def test_an_interval_stands_with_the_number_that_it_is_about(heart, tmp_path):
    intervals = {
        "LV": EjectionFractionInterval(46.6, 67.2, 0.883, Bias(0.84, 4.71, 20)),
        "RV": EjectionFractionInterval(30, 61),
    }
    items = tuple(
        replace(i, value={"lv_ef_percent": 57.4, "rv_ef_percent": None}.get(i.key, i.value))
        for i in heart.indices.items
    )
    page = written(
        tmp_path,
        heart,
        indices=replace(heart.indices, items=items),
        quality=replace(heart.quality, ejection_fractions=intervals, estimated_dice=0.914),
    )
    (table,) = re.findall(r'<table id="ventricles">.*?</table>', page, re.DOTALL)
    rows = {
        name: dict(re.findall(r'<td class="(\w+)">(.*?)</td>', row))
        for name, row in re.findall(r'<tr data-structure="(\w+)"[^>]*>(.*?)</tr>', table, re.DOTALL)
    }
    assert {name: (row["value"], row["range"], row["coverage"]) for name, row in rows.items()} == {
        "LV": ("57 %", "47 to 67 %", "88 %"), "RV": ("–", "30 to 61 %", "–"),
    }  # fmt: skip
    assert re.findall(r"[\d.]+", rows["LV"]["bias"]) == ["0.8", "4.7", "20"]
    assert "too high" in rows["LV"]["bias"]
    assert rows["RV"]["bias"] == "–"
    assert re.findall(r'<data value="0.914" id="dice">\D*([\d.]+)</data>', page) == ["0.91"]
    large = re.findall(r'<div data-index="lv_ef_percent">.*?<dd class="per">(.*?)</dd>', page)
    assert large == ["range 47 to 67 %"], "it stands with the large number, too"


def test_each_ventricle_has_its_own_verdict(heart, tmp_path):
    judged = Quality(Verdict.REJECT, ventricles={"LV": Verdict.FINE, "RV": Verdict.REJECT})
    page = written(tmp_path, heart, quality=judged)
    assert re.findall(r'<tr data-structure="(\w+)" data-verdict="(\w+)">', page) == [
        ("LV", "fine"), ("RV", "reject"),
    ]  # fmt: skip
    assert 'class="range"' not in page, "nothing was calibrated"


def test_notes_of_this_study_stand_with_the_verdict_and_only_there(heart, tmp_path):
    ours = (
        Note("tagging", "The series description speaks of tagging.", Level.WARNING),
        Note("heart_rate_from_frames", "The heart rate is taken from the frames."),
    )
    study = replace(heart.study, notes=ours[:1])
    indices = replace(heart.indices, notes=(PAPILLARY_NOTE, ours[1], NO_SIZE))
    for quality in (heart.quality, None):
        page = written(tmp_path, heart, study=study, indices=indices, quality=quality)
        seen = page.split('<script type="application/json"')[0]
        assert [seen.count(note.text) for note in (*ours, PAPILLARY_NOTE, NO_SIZE)] == [1, 1, 1, 1]
        assert all(note.text in part(page, "verdict") for note in ours)
        assert '<li class="warning" data-key="tagging">' in page
        assert PAPILLARY_NOTE.text in part(page, "indices")


def test_why_there_are_no_reference_ranges_is_said_for_what_was_measured(heart, tmp_path):
    assert PAPILLARY in part(written(tmp_path, heart), "headline")
    atrium = replace(heart.indices, volumes_ml={"LA": (60.0,) * 4}, phases=None)
    told = part(written(tmp_path, heart, indices=atrium), "headline")
    assert NO_RANGES.format("") in told


def test_letters_name_what_lies_beyond_each_edge():
    assert edges_of(AXIAL) == ("A", "P", "R", "L")
    mirrored = replace(AXIAL, direction=((0.0, 0.0, -1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)))
    assert edges_of(mirrored) == ("A", "P", "L", "R")
    coronal = replace(AXIAL, direction=((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0)))
    assert edges_of(coronal) == ("H", "F", "R", "L")
    assert edges_of(replace(AXIAL, direction=OBLIQUE)) == ("HA", "FP", "RAF", "LPH")


def test_sides_are_marked_only_where_the_file_tells_them(heart, tmp_path):
    """The phantom's axes run along the patient's, as in a file whose orientation was lost."""
    view = ReportView.of(heart.study, heart.segmentation)
    assert certain_edges(heart.study, view.geometry, view.schema) is None
    page = written(tmp_path, heart)
    assert 'class="edge' not in page
    assert UNKNOWN_SIDES in part(page, "provenance")
    grid = replace(heart.study.cine.geometry, direction=OBLIQUE)
    study = replace(heart.study, cine=replace(heart.study.cine, geometry=grid))
    page = written(tmp_path, heart, study=study, segmentation=replace(heart.segmentation, geometry=grid))
    marked = re.findall(r'class="edge (\w+)">(\w+)<|class="edge (\w+)" aria-hidden="true">(\w+)<', page)
    sides = [(a or c, b or d) for a, b, c, d in marked]
    assert sides == [("top", "HA"), ("bottom", "FP"), ("left", "RAF"), ("right", "LPH")] * 3


@pytest.mark.parametrize("turned", [False, True])
def test_base_and_apex_are_found_whichever_way_the_slices_lie(heart, turned, tmp_path):
    study, mask = heart.study, heart.segmentation
    if turned:
        study = replace(study, cine=replace(study.cine, array=study.cine.array[:, ::-1]))
        mask = replace(mask, labels=mask.labels[:, ::-1])
    ends = ends_of(ReportView.of(study, mask), 0)
    filled = np.flatnonzero(mask.labels[0].any(axis=(1, 2)))
    assert sorted(ends) == [filled[0], filled[-1]]
    areas = mask.labels[0].astype(bool).sum(axis=(1, 2))
    assert areas[ends.base] > areas[ends.apex]
    words = part(written(tmp_path, heart, study=study, segmentation=mask), "viewer")
    first, second = ("apex", "base") if turned else ("base", "apex")
    assert f"towards the {first} towards the {second}" in words


def test_stroke_volumes_stand_side_by_side(heart):
    volumes = {"LV": (100.0, 90.0, 40.0, 80.0), "RV": (120.0, 90.0, 45.0, 80.0)}
    phases = replace(heart.indices.phases, end_diastole=0, end_systole=2)
    indices = replace(heart.indices, volumes_ml=volumes, phases=phases)
    cells = re.findall(r'<td class="number">(.*?)</td>', markup([stroke_volumes(indices)]))
    assert cells == ["60", "75", "−15 (20 %)"]
    for right, told in ((57.1, "+3 (5 %)"), (59.7, "0 (0 %)"), (60.8, "−1 (1 %)")):
        near = replace(indices, volumes_ml={**volumes, "RV": (100.0, 90.0, 100.0 - right, 80.0)})
        assert f">{told}<" in markup([stroke_volumes(near)])
    assert stroke_volumes(replace(indices, volumes_ml={"LV": volumes["LV"]})) is None
    assert stroke_volumes(replace(indices, phases=None)) is None


def test_numbers_that_must_not_be_used_say_so(heart, tmp_path):
    for verdict in Verdict:
        told = part(written(tmp_path, heart, quality=Quality(verdict)), "headline")
        assert (REFUSED in told) == (verdict is Verdict.REJECT)


def test_main_results_hold_what_a_single_phase_has(tmp_path):
    heart = phantom_study(PhantomSettings(frames=1, slices=6, matrix=(150, 150)))
    systole = clinical_indices(heart.segmentation, end_systole=0)
    page = written(tmp_path, heart, indices=systole)
    assert re.findall(r'data-index="(\w+)"', page) == ["lv_esv_ml", "rv_esv_ml", "lv_mass_es_g"]


def test_base_and_apex_of_the_slices_are_those_of_their_phase(tmp_path):
    heart = phantom_study(PhantomSettings(frames=4, slices=10, matrix=(150, 150)))
    shown, phases = ReportView.of(heart.study, heart.segmentation), heart.indices.phases
    ends = [ends_of(shown, t) for t in (phases.end_diastole, phases.end_systole)]
    assert ends[0].base != ends[1].base, "the base moves, or this tests nothing"
    page = written(tmp_path, heart)
    for place in ("base", "apex"):
        found = re.findall(rf'data-slice="(\d+)" data-end="{place}"', page)
        assert found == [str(getattr(end, place)) for end in ends]


def test_the_wall_says_where_its_sides_are_not_certain(heart, tmp_path):
    assert UNSURE_SIDES not in part(written(tmp_path, heart), "wall")
    lost = replace(heart.indices, notes=(ORIENTATION_LOST,))
    assert UNSURE_SIDES in part(written(tmp_path, heart, indices=lost), "wall")


def test_the_wall_says_how_few_slices_and_voxels_it_rests_on(heart, tmp_path):
    page = written(tmp_path, heart)
    (limits,) = re.findall(r'<ul class="limits">(.*?)</ul>', page, re.DOTALL)
    myocardium = heart.segmentation.labels == 2
    slices = max(int(frame.any(axis=(1, 2)).sum()) for frame in myocardium)
    z_mm, _, x_mm = heart.study.cine.geometry.spacing_mm
    typical = float(np.median([v for v in heart.indices.wall.end_diastolic_mm if v is not None]))
    numbers = re.findall(r"[\d.]*\d", limits.split("<li>")[-1])
    assert numbers == [
        str(slices), f"{z_mm:.3g}", str(round(slices / 3)), f"{x_mm:.2g}", f"{typical:.1f}",
        f"{100 * x_mm / typical:.0f}",
    ]  # fmt: skip


@given(st.lists(st.floats(-500, 500), min_size=16, max_size=16), st.floats(0.5, 30))
def test_numbers_stand_out_from_every_segment(changes, thickness):
    wall = WallThickness(tuple(thickness + k for k in range(17)), (thickness,) * 17, (*changes, None))
    for figure in bullseyes(wall, phased=True):
        fills = [e.get("fill") for e in figure.iter("path")]
        numbers = [e.text for e in figure.iter("text") if e.get("class") == "segment-number"]
        assert numbers == [str(k) for k in range(1, 18)]
        for fill in fills:
            lights = [luminance(tuple(bytes.fromhex(c[1:]))) + 0.05 for c in (fill, INK)]
            assert lights[0] / lights[1] >= 4.5


@given(st.lists(st.floats(-2e4, 2e4)))
def test_a_scale_holds_its_values_and_no_side_that_has_none(values):
    ticks = ticks_of(values)
    assert 2 <= len(ticks) <= 6
    assert ticks[0] <= min([0.0, *values]) <= max([0.0, *values]) <= ticks[-1]
    assert (ticks[0] < 0) == any(v < 0 for v in values)
    assert ticks_of([17.0, 56.0]) == [0.0, 20.0, 40.0, 60.0]


def test_two_frames_are_points_that_no_line_joins(tmp_path):
    page = written(tmp_path, phantom_study(PhantomSettings(frames=2, slices=6, matrix=(150, 150))))
    assert (page.count("<polyline"), page.count('<circle class="point"')) == (0, 6)


GIVEN, FILE, DERIVED = Source.GIVEN, Source.FILE, Source.DERIVED


@pytest.mark.parametrize(
    ("sources", "size", "rate"),
    [
        ((FILE, FILE, FILE), "70 kg in the file's header", "from the file's header"),
        ((FILE, GIVEN, GIVEN), "170 cm in the file's header and 70 kg given by", "given by the user"),
        ((GIVEN, GIVEN, DERIVED), "170 cm and 70 kg given by the user", "taken from the span"),
    ],
)  # fmt: skip
def test_the_source_of_heart_rate_and_body_size_is_said(heart, sources, size, rate):
    numbers = zip((1.7, 70.0, 61.0), sources, strict=True)
    height_m, weight_kg, heart_rate_bpm = (Known(value, source) for value, source in numbers)
    shown = replace(heart.indices, height_m=height_m, weight_kg=weight_kg, heart_rate_bpm=heart_rate_bpm)
    assert size in basis(shown)
    assert f"61 beats/min ({rate}" in basis(shown)


def test_a_heart_rate_that_is_given_is_said_to_be_given_though_the_frames_tell_the_same():
    settings = PhantomSettings(frames=12, slices=6, matrix=(150, 150))
    heart = phantom_study(settings)
    given = IndexSettings(heart_rate_bpm=settings.heart_rate_bpm)
    for asked, source in ((given, Source.GIVEN), (IndexSettings(), Source.DERIVED)):
        rate = asked.indices_of(heart.segmentation, heart.study).heart_rate_bpm
        assert rate == Known(pytest.approx(settings.heart_rate_bpm), source)


@pytest.mark.parametrize(("held", "named"), [(("LV", "RV"), "LV"), (("RV",), "RV")])
def test_phases_are_said_to_be_of_the_curve_that_they_were_found_on(heart, held, named):
    volumes = {name: heart.indices.volumes_ml[name] for name in held}
    told = basis(replace(heart.indices, volumes_ml=volumes))
    assert f"found on the {named} volume curve" in told


def test_the_rate_that_indices_take_from_the_frames_is_said_to_be_from_them():
    heart = phantom_study(PhantomSettings(frames=12, slices=6, matrix=(150, 150)))
    indices = clinical_indices(heart.segmentation, times_ms=heart.study.cine.times_ms)
    assert indices.heart_rate_bpm is not None
    assert "taken from the span of the frames, not measured" in basis(indices)
