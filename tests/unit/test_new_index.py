"""A new clinical index is a definition that brings its computation: what shows indices shows it, too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from septum.core import Role
from septum.indices import DEFINITIONS, Definition, clinical_indices
from septum.phantom import PhantomSettings
from septum.report import write_report
from septum.workflows.record_numbers import IndicesRecord
from support.hearts import cine, heart
from support.phantom_study import phantom_study


def mass_to_volume(measured):
    muscle, cavity = (measured.end_diastolic_ml(role) for role in (Role.MYO, Role.LV))
    return None if muscle is None or cavity is None else 1.05 * muscle / cavity


TOY = Definition(
    "lv_mass_to_volume_g_ml", "LV mass to volume ratio", "g/ml", "Mass over volume.", "mass_to_volume_g_ml",
    mass_to_volume, indexed=False, needs=Role.MYO,
)  # fmt: skip
ALL = (*DEFINITIONS, TOY)


def test_it_has_its_value_by_key_and_by_attribute_and_stands_in_the_json():
    found = clinical_indices(cine(heart(), heart(0.5)), end_diastole=0, end_systole=1, definitions=ALL)
    expected = found["LV"].mass_at_end_diastole_g / found["LV"].end_diastolic_volume_ml
    assert found.value(TOY.key) == found["LV"].mass_to_volume_g_ml == pytest.approx(expected)
    item = IndicesRecord.of(found).items[TOY.key]
    assert (item.title, item.unit, item.value) == (TOY.title, "g/ml", pytest.approx(expected, abs=1e-4))


def test_it_is_missing_where_a_part_of_it_is():
    one_frame = clinical_indices(cine(heart()), definitions=ALL)
    assert one_frame.value(TOY.key) is None


def test_the_report_shows_it(tmp_path):
    study = phantom_study(PhantomSettings(frames=2, slices=6, matrix=(150, 150)))
    indices = clinical_indices(study.segmentation, definitions=ALL)
    page = tmp_path / "report.html"
    write_report(page, replace(study, indices=indices), title="phantom")
    assert TOY.title in page.read_text(encoding="utf-8")
