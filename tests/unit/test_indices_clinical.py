"""All indices of a study: by hand, on the phantom's voxels, and against its analytic volumes."""

import copy
import json

import numpy as np
import pytest

from septum.core import LEFT_ATRIUM, VENTRICLES, Geometry, InputError, Segmentation, SeptumError, Subject
from septum.indices import clinical_indices
from septum.indices.body import du_bois_m2, mosteller_m2
from septum.indices.curve import PeriodicCurve, peak_rates
from septum.indices.definitions import DEFINITIONS
from septum.phantom import PhantomSettings, beating_heart
from septum.workflows.indices_table import COLUMNS, indices_row, table_csv
from septum.workflows.record_numbers import IndicesRecord

# A voxel is 10 x 2 x 2 mm = 0.04 ml; 10 mm is the distance of slices of, say, 8 mm with a gap of 2 mm.
GEOMETRY = Geometry(shape=(4, 50, 50), spacing_mm=(10.0, 2.0, 2.0))
SUBJECT = Subject.of(height_m=1.80, weight_kg=80.0, heart_rate_bpm=70.0)


def cine(counts, schema=VENTRICLES, geometry=GEOMETRY):
    """One frame for each dictionary of label value to number of voxels."""
    labels = np.zeros((len(counts), *geometry.shape), dtype=np.uint8)
    for frame, wanted in zip(labels, counts, strict=True):
        values = np.repeat(list(wanted.keys()), list(wanted.values()))
        frame.reshape(-1)[: values.size] = values
    return Segmentation(labels=labels, geometry=geometry, schema=schema)


def values_of(indices):
    return {item.key: item.value for item in indices.items}


def keys_of(indices):
    return {note.key for note in indices.notes}


def test_body_surface_area_by_both_formulas():
    # 0.007184 * 80^0.425 * 180^0.725 = 0.007184 * 6.4389 * 43.159; sqrt(180 * 80 / 3600) = 2.
    assert du_bois_m2(1.80, 80.0) == pytest.approx(1.9964, abs=1e-4)
    assert mosteller_m2(1.80, 80.0) == pytest.approx(2.0)


def test_indices_by_hand():
    # LV 100 and 40 ml, RV 120 and 60 ml, myocardium 80 and 84 ml; 70 beats a minute; 2 m2.
    mask = cine([{3: 1500, 1: 500}, {3: 2500, 1: 3000, 2: 2000}, {3: 1000, 1: 1500, 2: 2100}])
    found = clinical_indices(mask, subject=SUBJECT, body_surface_area="mosteller")
    values = values_of(found)
    assert values["lv_edv_ml"] == pytest.approx(100.0)
    assert values["lv_esv_ml"] == pytest.approx(40.0)
    assert values["lv_sv_ml"] == pytest.approx(60.0)
    assert values["lv_ef_percent"] == pytest.approx(60.0)
    assert values["lv_mass_ed_g"] == pytest.approx(84.0)
    assert values["lv_mass_es_g"] == pytest.approx(88.2)
    assert values["cardiac_output_l_min"] == pytest.approx(4.2)
    assert values["rv_edv_ml"] == pytest.approx(120.0)
    assert values["rv_sv_ml"] == pytest.approx(60.0)
    assert values["rv_ef_percent"] == pytest.approx(50.0)
    indexed = {item.key: item.indexed for item in found.items}
    assert indexed["lv_edv_ml"] == pytest.approx(50.0)
    assert indexed["cardiac_output_l_min"] == pytest.approx(2.1)
    assert indexed["lv_ef_percent"] is None
    assert found.body_surface_area_formula == "Mosteller"
    assert "papillary_in_cavity" in keys_of(found)


def test_a_cavity_that_is_empty_at_end_diastole_has_no_values_and_a_note_says_so():
    found = clinical_indices(cine([{3: 100}, {3: 40, 1: 10}]))
    assert {value for key, value in values_of(found).items() if key.startswith("rv")} == {None}
    assert "rv_empty" in keys_of(found)


def test_a_right_ventricle_with_extremes_of_its_own_has_a_note_of_what_they_would_give():
    # The RV goes on to empty after the LV's end-systole: 100 to 70 ml there, 104 to 52 ml by itself.
    lv, rv = (100, 98, 60, 66), (100, 104, 70, 52)
    found = clinical_indices(cine([{3: 25 * a, 1: 25 * b} for a, b in zip(lv, rv, strict=True)]))
    (note,) = (note.text for note in found.notes if note.key == "rv_own_extremes")
    for told in ("frame 1 (104 ml)", "frame 3 (52 ml)", "50 %", "30 %"):
        assert told in note
    near = (100, 101, 70, 69)
    within_noise = clinical_indices(cine([{3: 25 * a, 1: 25 * b} for a, b in zip(lv, near, strict=True)]))
    assert "rv_own_extremes" not in keys_of(within_noise)


def test_items_are_the_same_whatever_is_known():
    studies = (
        clinical_indices(cine([{3: 10}])),
        clinical_indices(cine([{}, {}])),
        clinical_indices(cine([{1: 100}, {1: 150}], LEFT_ATRIUM), subject=SUBJECT),
    )
    for found in studies:
        assert [item.key for item in found.items] == [one.key for one in DEFINITIONS]
    one_frame, empty, atrium = studies
    assert set(values_of(empty).values()) == {None}
    assert (one_frame.phases, empty.phases, atrium.phases) == (None, None, None)
    assert "one_frame" in keys_of(one_frame)
    assert "no_beat" in keys_of(empty)
    assert {k: v for k, v in values_of(atrium).items() if v} == {"la_volume_ml": pytest.approx(6.0)}
    assert atrium.wall is None


def test_a_single_frame_has_volumes_and_mass_of_no_phase_but_the_one_that_is_given():
    mask = cine([{3: 2500, 1: 3000, 2: 2000}])

    def told(**given):
        found = clinical_indices(mask, subject=SUBJECT, body_surface_area="mosteller", **given)
        assert found.phases is None
        return {item.key: (item.value, item.indexed) for item in found.items if item.value is not None}

    lv, rv, mass = pytest.approx((100.0, 50.0)), pytest.approx((120.0, 60.0)), pytest.approx((84.0, 42.0))
    assert told() == {"lv_volume_ml": lv, "rv_volume_ml": rv, "lv_mass_g": mass}
    assert told(end_diastole=0) == {"lv_edv_ml": lv, "rv_edv_ml": rv, "lv_mass_ed_g": mass}
    assert told(end_systole=0) == {"lv_esv_ml": lv, "rv_esv_ml": rv, "lv_mass_es_g": mass}


def test_indices_of_a_structure_are_attributes_and_unknown_ones_are_refused_with_the_known():
    mask = cine([{3: 2500, 1: 3000, 2: 2000}, {3: 1000, 1: 1500, 2: 2100}])
    found = clinical_indices(mask, subject=SUBJECT)
    assert found["LV"].ejection_fraction_percent == pytest.approx(60.0)
    assert found["LV"].mass_at_end_diastole_g == found.value("lv_mass_ed_g")
    assert found["RV"].stroke_volume_ml == pytest.approx(60.0)
    assert {item.attribute for item in found.items if item.structure == "LV"} <= set(dir(found["LV"]))
    assert copy.deepcopy(found["LV"]) == found["LV"]
    with pytest.raises(AttributeError, match="stroke_volume_ml"):
        _ = found["LV"].no_such_index
    for name in ("AORTA", "LA"):  # this mask has no atrium
        with pytest.raises(KeyError, match="expected one of LV, RV"):
            _ = found[name]


def test_bad_arguments_are_refused_and_odd_bodies_are_not_indexed():
    mask = cine([{3: 100}, {3: 40}])
    with pytest.raises(InputError, match="expected 2 times"):
        clinical_indices(mask, times_ms=[0.0])
    with pytest.raises(SeptumError, match="du-bois, mosteller"):
        clinical_indices(mask, body_surface_area="haycock")
    for subject in (
        Subject(),
        Subject.of(height_m=180.0, weight_kg=80.0),
        Subject.of(height_m=1.8, weight_kg=0.0),
    ):
        found = clinical_indices(mask, subject=subject)
        assert found.body_surface_area_m2 is None
        assert all(item.indexed is None for item in found.items)
        assert keys_of(found) & {"body_size_unknown", "body_size_not_believed"}


@pytest.fixture(scope="module")
def phantom():
    return beating_heart(
        np.random.default_rng(5), PhantomSettings(frames=20, matrix=(104, 104), in_plane_mm=2.0)
    )


def test_volumes_of_the_phantom_are_the_count_of_its_voxels(phantom):
    found = clinical_indices(phantom.truth, times_ms=phantom.cine.times_ms, subject=SUBJECT)
    values = values_of(found)
    voxel_ml = 10.0 * 2.0 * 2.0 / 1000.0
    for name, label in (("lv", 3), ("rv", 1)):
        for key, t in (("edv", phantom.end_diastole), ("esv", phantom.end_systole)):
            count = sum(int(np.count_nonzero(one == label)) for one in phantom.truth.labels[t])
            assert values[f"{name}_{key}_ml"] == pytest.approx(count * voxel_ml, rel=1e-12)
    mass = int((phantom.truth.labels[0] == 2).sum()) * voxel_ml * 1.05
    assert values["lv_mass_ed_g"] == pytest.approx(mass, rel=1e-12)
    assert (found.phases.end_diastole, found.phases.end_systole) == (0, phantom.end_systole)
    assert found.phases.confidence > 0.9
    beats = {one.key for one in DEFINITIONS if one.of == "beat"}
    assert {key for key, value in values.items() if value is not None} == beats


def test_rates_of_the_phantom_are_those_of_its_analytic_beat(phantom):
    # Ejection is half a cosine of 85 ml over 7 of 20 frames at 66 beats a minute: 85 pi / 2 / 0.318 s =
    # 420 ml/s, midway. Of the voxels' volumes it is a third more: the base leaves slices of 10 mm at once.
    times = phantom.cine.times_ms
    analytic = peak_rates(PeriodicCurve.fit(phantom.volumes_ml["LV"], times, 60_000 / 66), 0.0, times[7])
    assert analytic.ejection_ml_s == pytest.approx(420.0, rel=0.05)
    assert analytic.ejection_ms == pytest.approx(159.0, abs=5.0)
    counted = values_of(clinical_indices(phantom.truth, times_ms=times))
    assert 1.2 < counted["lv_peak_ejection_rate_ml_s"] / 420.0 < 1.4
    assert counted["lv_time_to_peak_ejection_ms"] == pytest.approx(159.0, abs=15.0)


def test_the_error_against_the_analytic_volume_shrinks_with_the_distance_of_slices():
    errors = {}
    for mm in (10.0, 5.0):
        relative = []
        for descent in (5.0, 8.0):  # where the base stands between two slices at end-systole
            settings = PhantomSettings(
                frames=2, slices=round(110 / mm), slice_spacing_mm=mm, slice_thickness_mm=mm,
                matrix=(104, 104), in_plane_mm=2.0, base_descent_mm=descent,
            )  # fmt: skip
            heart = beating_heart(np.random.default_rng(0), settings)
            true_ml = heart.volumes_ml["LV"][heart.end_systole]
            relative.append(abs(values_of(clinical_indices(heart.truth))["lv_esv_ml"] / true_ml - 1))
        errors[mm] = max(relative)
    assert 0.02 < errors[10.0] < 0.08
    assert errors[5.0] < errors[10.0] / 2


def test_the_document_is_json_and_tells_units_in_keys(phantom):
    found = clinical_indices(phantom.truth, times_ms=phantom.cine.times_ms, subject=SUBJECT)
    told = json.loads(IndicesRecord.of(found).model_dump_json())
    assert told["items"]["lv_edv_ml"]["unit"] == "ml"
    assert told["items"]["lv_edv_ml"]["indexed_a_m2"] == pytest.approx(70.1, abs=2.0)
    assert len(told["wall"]["end_diastolic_mm"]) == 17
    assert (told["end_diastole_frame"], told["end_systole_frame"]) == (0, 7)
    assert IndicesRecord.of(clinical_indices(cine([{3: 10}]))).wall is None


def test_the_table_has_the_same_columns_for_every_study(phantom):
    full = clinical_indices(phantom.truth, times_ms=phantom.cine.times_ms, subject=SUBJECT)
    bare = clinical_indices(cine([{3: 10}]))
    for found in (full, bare):
        assert tuple(indices_row("a", found)) == COLUMNS
    rows = [indices_row(name, found) for name, found in (("full", full), ("bare", bare))]
    head, first, second = table_csv(rows).splitlines()
    assert head.split(",") == list(COLUMNS)
    assert head.startswith("study,end_diastole_frame,end_systole_frame,phase_confidence,")
    assert ",lv_edv_ml,lv_edv_ml_indexed,lv_esv_ml," in head
    assert "lv_ef_percent_indexed" not in head
    filled = {name: cell for name, cell in zip(COLUMNS, second.split(","), strict=True) if cell}
    assert filled == {"study": "bare", "lv_volume_ml": "0.4"}
    row = dict(zip(COLUMNS, first.split(","), strict=True))
    assert float(row["wall_ed_mm_1"]) > 5
    assert row["wall_ed_mm_17"] == ""
