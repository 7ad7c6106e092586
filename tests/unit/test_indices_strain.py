"""Strain from borders: by hand on round rings, against the analytic heart, and where there is none."""

import numpy as np
import pytest

from septum.core import VENTRICLES, Geometry, Segmentation
from septum.core.strain import ENDOCARDIAL, EPICARDIAL, MIDWALL, RADIAL, STRAINS
from septum.indices import clinical_indices
from septum.phantom import PhantomSettings, beating_heart

SIZE = 121
SPACING_MM = (10.0, 1.0, 1.0)
#: LPS directions of a short axis that leans, so that no orientation counts as lost.
DIRECTION = ((0.48, -0.36, 0.8), (0.64, -0.48, -0.6), (0.6, 0.8, 0.0))


def rings(radii, slices=6, centre=(60, 60)):
    """(T, Z, Y, X) of round LVs, with inner and outer radius in mm, and an RV at their side."""
    y, x = np.ogrid[:SIZE, :SIZE]
    labels = np.zeros((len(radii), slices, SIZE, SIZE), np.uint8)
    for t, (inner, outer) in enumerate(radii):
        r = np.hypot(y - centre[0], x - centre[1])
        labels[t][:, np.hypot(y - centre[0], x - centre[1] + outer) < 14] = 1
        labels[t][:, r < outer] = 2
        labels[t][:, r < inner] = 3
    return labels


def strain_of(labels, times_ms=None, **given):
    geometry = Geometry(labels.shape[1:], SPACING_MM, (0.0, 0.0, 0.0), DIRECTION)
    return clinical_indices(Segmentation(labels, geometry, VENTRICLES), times_ms=times_ms, **given)


def test_strain_of_round_rings_is_the_change_of_their_radius():
    indices = strain_of(rings([(28, 38), (21, 34)]))
    whole = indices.strain.whole
    expected = {ENDOCARDIAL: 21 / 28, MIDWALL: 27.5 / 33, EPICARDIAL: 34 / 38, RADIAL: 13 / 10}
    for name, ratio in expected.items():
        near = 2.0 if name == RADIAL else 0.5
        assert whole[name].peak_percent == pytest.approx(100 * (ratio - 1), abs=near)
        assert whole[name].percent[0] == pytest.approx(0.0, abs=1e-9)
        assert whole[name].peak_frame == 1
    assert indices.strain.slices in (tuple(range(6)), tuple(range(5, -1, -1)))
    assert indices.value("lv_gcs_mid_percent") == whole[MIDWALL].peak_percent
    assert indices["LV"].global_radial_strain_percent == whole[RADIAL].peak_percent


def test_an_oblong_voxel_changes_nothing():
    labels = rings([(28, 38), (21, 34)])
    geometry = Geometry((6, SIZE, SIZE // 2 + 1), (10.0, 1.0, 2.0), (0.0, 0.0, 0.0), DIRECTION)
    found = clinical_indices(Segmentation(labels[..., ::2], geometry, VENTRICLES)).strain.whole
    assert found[ENDOCARDIAL].peak_percent == pytest.approx(100 * (21 / 28 - 1), abs=1.0)


def test_every_segment_of_a_round_heart_has_the_strain_of_the_whole():
    strain = strain_of(rings([(28, 38), (21, 34)])).strain
    for level in (strain.basal, strain.mid, strain.apical):
        assert set(level) == set(STRAINS)
    peaks = strain.circumferential.peak_percent
    assert len(peaks) == 17
    assert peaks[16] is None
    assert np.asarray(peaks[:16]) == pytest.approx(strain.whole[MIDWALL].peak_percent, abs=1.5)


def test_peaks_have_their_time_from_end_diastole():
    radii = [(24, 36), (28, 38), (25, 36.5), (21, 34), (20, 33.5), (22, 35), *[(24, 36)] * 4]
    indices = strain_of(rings(radii), times_ms=[100.0 * t for t in range(10)])
    curve = indices.strain.whole[MIDWALL]
    assert (curve.peak_frame, curve.percent[1]) == (4, 0.0)
    assert curve.time_to_peak_ms == pytest.approx(300.0)
    assert indices.value("lv_time_to_peak_gcs_ms") == pytest.approx(300.0)


def test_a_slice_with_an_open_wall_at_end_systole_is_left_out():
    labels = rings([(28, 38), (21, 34)])
    labels[1, 0, 50:70, 60:][labels[1, 0, 50:70, 60:] == 2] = 0
    assert len(strain_of(labels).strain.slices) == 5


def test_a_frame_without_a_ring_lies_between_its_neighbours():
    shrinking = [(28 - k, 38 - k / 2) for k in range(7)]
    radii = [*shrinking, *shrinking[5:0:-1]]
    labels = rings(radii)
    whole = strain_of(labels).strain
    labels[3, 2, 40:80, 60:][labels[3, 2, 40:80, 60:] == 2] = 0
    gapped = strain_of(labels, end_diastole=0, end_systole=6).strain
    assert len(gapped.slices) == len(whole.slices) == 6
    assert gapped.whole[MIDWALL].percent[3] == pytest.approx(whole.whole[MIDWALL].percent[3], abs=0.3)


def test_where_no_slice_shows_a_ring_there_is_no_strain_and_a_note():
    labels = rings([(28, 38), (21, 34)])
    labels[:, :, 50:70, 60:][labels[:, :, 50:70, 60:] == 2] = 0
    indices = strain_of(labels)
    assert indices.strain is None
    assert "no_strain" in {note.key for note in indices.notes}
    assert indices.value("lv_gcs_mid_percent") is None


def test_a_single_frame_has_no_strain():
    assert strain_of(rings([(28, 38)])).strain is None


def test_strain_does_not_depend_on_the_order_of_slices_and_axes():
    labels = rings([(28, 38), (21, 34)], slices=6)
    labels[:, 5] = rings([(18, 26), (14, 24)], slices=1)[:, 0]
    straight, turned = strain_of(labels).strain, strain_of(labels[:, ::-1]).strain
    for name in STRAINS:
        assert straight.whole[name].peak_percent == pytest.approx(turned.whole[name].peak_percent)
    assert [5 - z for z in turned.slices] == list(straight.slices)


def test_the_phantoms_strain_is_near_the_analytic_one():
    settings = PhantomSettings(frames=2, matrix=(144, 144), base_descent_mm=0.0, noise=0.0)
    strain = clinical_indices(beating_heart(np.random.default_rng(0), settings).truth).strain
    assert strain.whole[ENDOCARDIAL].peak_percent == pytest.approx(100 * (np.sqrt(55 / 140) - 1), abs=1.0)
