"""Volumes, phases and ejection fractions, counted by hand."""

import numpy as np
import pytest

from septum.core import LEFT_ATRIUM, VENTRICLES, Geometry, LabelSchema, Segmentation, Structure
from septum.indices import clinical_indices, myocardial_mass_g, structure_volumes_ml

# A voxel is 10 x 2 x 2 = 40 mm3 = 0.04 ml; 10 mm is the distance of slices of, say, 8 mm and a 2 mm gap.
GEOMETRY = Geometry(shape=(2, 10, 10), spacing_mm=(10.0, 2.0, 2.0))


def cine(counts: list[dict[int, int]], schema: LabelSchema = VENTRICLES) -> Segmentation:
    """One frame for each dictionary of label value to number of voxels."""
    labels = np.zeros((len(counts), *GEOMETRY.shape), dtype=np.uint8)
    for frame, wanted in zip(labels, counts, strict=True):
        values = np.repeat(list(wanted.keys()), list(wanted.values()))
        frame.reshape(-1)[: values.size] = values
    return Segmentation(labels=labels, geometry=GEOMETRY, schema=schema)


def test_volumes_and_ejection_fractions_of_a_cine():
    # LV 50, 100, 40; RV 80, 60, 90: the RV is measured at the LV's frames 1 and 2.
    found = clinical_indices(cine([{3: 50, 1: 80, 2: 10}, {3: 100, 1: 60, 2: 20}, {3: 40, 1: 90, 2: 30}]))
    assert found.volumes_ml["LV"] == pytest.approx((2.0, 4.0, 1.6))
    assert found.volumes_ml["RV"] == pytest.approx((3.2, 2.4, 3.6))
    assert found.volumes_ml["MYO"] == pytest.approx((0.4, 0.8, 1.2))
    assert (found.phases.end_diastole, found.phases.end_systole) == (1, 2)
    assert found.ejection_fractions_percent == {"LV": pytest.approx(60.0), "RV": pytest.approx(-50.0)}


def test_voxels_of_all_slices_are_summed():
    labels = np.zeros((1, *GEOMETRY.shape), dtype=np.uint8)
    labels[0, 0, :2, :5] = 3
    labels[0, 1, :3, :5] = 3
    volumes_ml = structure_volumes_ml(Segmentation(labels, GEOMETRY, VENTRICLES))
    assert volumes_ml["LV"] == pytest.approx((25 * 0.04,))


def test_what_has_no_end_diastole_has_no_ejection_fraction():
    assert clinical_indices(cine([{3: 50, 1: 80}])).ejection_fractions_percent == {}
    assert clinical_indices(cine([{}, {}])).ejection_fractions_percent == {}
    assert clinical_indices(cine([{1: 10}, {1: 5}], LEFT_ATRIUM)).ejection_fractions_percent == {}
    # The RV appears only in frame 1, the LV's end-systole.
    found = clinical_indices(cine([{3: 50}, {3: 20, 1: 10}]))
    assert found.ejection_fractions_percent == {"LV": pytest.approx(60.0)}


def test_without_an_lv_the_rv_sets_the_frames():
    only_rv = LabelSchema(structures=(Structure(name="RV", value=255),))
    found = clinical_indices(cine([{255: 40}, {255: 10}], only_rv))
    assert found.ejection_fractions_percent == {"RV": pytest.approx(75.0)}


def test_the_earliest_of_equal_frames_counts():
    phases = clinical_indices(cine([{3: 10}, {3: 40}, {3: 40}, {3: 10}])).phases
    assert (phases.end_diastole, phases.end_systole) == (1, 0)


def test_mass_of_myocardium():
    assert myocardial_mass_g(100.0) == pytest.approx(105.0)
