"""Each flag on a mask that has that fault, and none on one that has not."""

import numpy as np
import pytest

from septum.core import (
    LEFT_ATRIUM,
    Flag,
    Geometry,
    Localisation,
    LocalisationPath,
    Region,
    Segmentation,
    Verdict,
)
from septum.indices import clinical_indices
from septum.inference.out_of_distribution import Evidence
from septum.phantom import PhantomSettings, beating_heart
from septum.quality.measures import curve_jump, mass_change, mass_spread, stroke_volume_mismatch
from septum.quality.shapes import apart, hollow, left_ventricle, open_wall, slice_shift_mm
from septum.quality.verdict import assess_quality
from support.hearts import CENTRE, LV, MYO, RV, SLICES, cine, disc, heart

SPECK = (10, 10)


def quality_of(segmentation, **known):
    phases = {"end_diastole": 0, "end_systole": 1} if len(segmentation.labels) == 2 else {}
    return assess_quality(segmentation, clinical_indices(segmentation, **phases), **known)


def found_mm2(segmentation):
    return float(np.prod(segmentation.geometry.spacing_mm[1:]))


def keys(segmentation, **known):
    return {flag.key for flag in quality_of(segmentation, **known).flags}


def both(change, **grid):
    """Both phases with the same change."""
    frames = [heart(), heart(0.5)]
    return cine(*(change(frame) for frame in frames), **grid)


def opened(labels):
    labels[:, :, 68:][labels[:, :, 68:] == MYO] = 0
    return labels


def speckled(labels):
    labels[5][disc(SPECK, 8)] = RV
    return labels


def pierced(labels):
    labels[4:9, 58:62, 43:46] = 0
    return labels


def gapped(labels):
    labels[5][labels[5] == RV] = 0
    return labels


def without_apex(labels):
    return labels[4:]


def stopped_early(labels):
    labels[:5] = 0
    return labels


def shifted(labels):
    labels[5] = np.roll(labels[5], 11, axis=0)
    return labels


def at_edge(labels):
    leftmost = np.flatnonzero(labels.any(axis=(0, 1)))[0]
    return np.roll(labels, -leftmost, axis=2)


@pytest.mark.parametrize(
    ("change", "grid", "expected"),
    [
        (lambda labels: labels, {}, set()),
        (opened, {}, {"open_wall"}),
        (speckled, {}, {"pieces"}),
        (pierced, {}, {"holes"}),
        (gapped, {}, {"missing_slices", "pieces"}),  # without its slice the ventricle is in two pieces
        (lambda labels: labels, {"slice_mm": 4.0}, {"short_ventricle"}),
        (without_apex, {"slice_mm": 12.0}, {"apex_not_covered"}),
        (stopped_early, {"slice_mm": 14.0}, {"apex_not_found"}),
        (shifted, {}, {"slice_shift"}),
        (at_edge, {}, {"at_image_edge"}),
    ],
)
def test_a_mask_has_the_flag_of_its_fault_and_no_other(change, grid, expected):
    assert keys(both(change, **grid)) == expected


def test_a_cavity_that_grows_in_one_slice_towards_end_systole_is_pointed_at():
    diastole, systole = heart(), heart(0.5)
    wall = (diastole[5] == MYO) | (diastole[5] == LV)
    systole[5][wall] = LV  # an atrium, without a wall of its own
    found = quality_of(cine(diastole, systole))
    flag = next(one for one in found.flags if one.key == "growing_slice")
    assert flag.structures == ("LV",)
    area_cm2 = (wall.sum() - (diastole[5] == LV).sum()) * found_mm2(cine(diastole, systole)) / 100
    assert flag.value == pytest.approx(area_cm2)
    assert "slice 5 of frame 1" in flag.reason
    assert f"{flag.value:.1f} cm" in flag.reason
    assert found.ventricles["LV"] is Verdict.REVIEW
    assert "growing_slice" not in keys(cine(diastole, heart(0.5)))


def test_an_end_slice_that_the_model_doubts_is_pointed_at():
    steady = both(lambda labels: labels)
    slices = [np.flatnonzero((steady.labels[0] == value).any(axis=(1, 2))) for value in (1, 2, 3)]
    sure = [[0.9] * steady.labels.shape[1] for _ in slices]
    doubted = [list(one) for one in sure]
    doubted[0][slices[0][0]] = 0.3
    doubted[2][slices[2][1]] = 0.1  # no end of the cavity
    frames = [Evidence(None, None, presence=tuple(map(tuple, one))) for one in (sure, doubted)]
    found = quality_of(steady, evidence=frames)
    (flag,) = (one for one in found.flags if one.key == "improbable_slice")
    assert (flag.value, flag.limit, flag.structures) == (0.3, 0.5, ("RV",))
    assert f"RV in slice {slices[0][0]} of frame 1" in flag.reason
    assert found.ventricles["RV"] is Verdict.REVIEW
    assert "improbable_slice" not in keys(steady, evidence=frames[:1] * 2)


def test_a_steady_heart_is_fine_and_the_phantom_is_too():
    quality = quality_of(both(lambda labels: labels))
    assert (quality.verdict, quality.flags) == (Verdict.FINE, ())
    assert (quality.estimated_dice, quality.ejection_fractions) == (None, {})
    beating = beating_heart(
        np.random.default_rng(5), PhantomSettings(frames=20, matrix=(104, 104), in_plane_mm=2.0)
    )
    assert keys(beating.truth) == set()


def test_phases_that_do_not_fit_each_other_are_flagged():
    thinned = heart(0.5)
    for number, z in enumerate(SLICES):
        thinned[z][(thinned[z] == MYO) & ~disc(CENTRE, 8 + number)] = 0
    assert keys(cine(heart(), thinned)) == {"mass_not_constant"}
    still = heart(0.5)
    still[still == RV] = 0
    still[heart(0.1) == RV] = RV  # the right ventricle hardly moves
    assert keys(cine(heart(), still)) == {"stroke_volume_mismatch"}


def test_one_bad_frame_of_a_cine_is_flagged():
    shares = 0.25 * (1 - np.cos(2 * np.pi * np.arange(12) / 12))
    frames = [heart(share) for share in shares]
    assert keys(cine(*frames)) == set()
    swollen = [frame.copy() for frame in frames]
    swollen[4][swollen[4] == MYO] = LV
    assert keys(cine(*swollen)) >= {"curve_jump", "mass_varies", "structure_comes_and_goes"}
    few = [frames[0], frames[3], frames[6], swollen[4]]
    assert "curve_jump" not in keys(cine(*few))


def test_what_leaves_no_number_is_rejected():
    empty = np.zeros_like(heart())
    nothing = quality_of(cine(empty, empty))
    assert [(flag.key, flag.verdict) for flag in nothing.flags] == [("nothing_found", Verdict.REJECT)]
    no_lv = heart()
    no_lv[no_lv == LV] = 0
    assert quality_of(cine(heart(), no_lv)).verdict is Verdict.REJECT
    first = quality_of(cine(heart(), gapped(no_lv.copy()))).flags[0]
    assert first.verdict is Verdict.REJECT  # the worst comes first


def test_the_way_to_the_mask_is_flagged():
    whole = Region((0, 0, 0), (10, 120, 120))
    steady = both(lambda labels: labels)
    map_found = Localisation(whole, LocalisationPath.MAP)
    assert keys(steady, regions=[map_found] * 2) == set()
    regions = [
        Localisation(whole, LocalisationPath.COARSE_MASK),
        Localisation(whole, LocalisationPath.MAP, cut_off=True),
    ]
    assert keys(steady, regions=regions) == {"localisation_fallback", "region_cut_off"}
    unlike = Flag("unlike_training_images", Verdict.REVIEW, "It is another image.")
    assert keys(steady, unlike=[unlike]) == {"unlike_training_images"}
    unsure = Evidence(0.1, 0.1, (0.1, 0.1, 0.1), 0.86)
    assert keys(steady, evidence=[unsure] * 2) == set()  # without a calibration, no limit of confidence
    assert keys(steady, evidence=[Evidence(None, None, (), 0.84)] * 2) == {"low_flip_agreement"}


def test_each_ventricle_has_the_verdict_of_its_own_flags():
    fine, review, reject = Verdict.FINE, Verdict.REVIEW, Verdict.REJECT
    of_rv = quality_of(both(speckled))
    assert (of_rv.verdict, of_rv.ventricles) == (review, {"LV": fine, "RV": review})
    of_lv = quality_of(both(opened))
    assert (of_lv.verdict, of_lv.ventricles) == (review, {"LV": review, "RV": fine})
    of_all = quality_of(both(at_edge))
    assert of_all.ventricles == {"LV": review, "RV": review}
    without_rv = both(lambda labels: np.where(labels == RV, 0, labels))
    assert quality_of(without_rv).ventricles == {"LV": fine, "RV": reject}
    assert quality_of(without_rv).verdict is reject


def test_stroke_volumes_further_apart_than_twice_what_is_usual_are_flagged():
    # The RV of these hearts is as large as the LV; it ejects less by a share that is known.
    def paired(share):
        moved = heart(0.5)
        moved[moved == RV] = 0
        moved[heart(0.5 * (1 - share)) == RV] = RV
        return quality_of(cine(heart(), moved))

    assert "stroke_volume_mismatch" not in {flag.key for flag in paired(0.15).flags}
    quality = paired(0.45)
    (flag,) = [flag for flag in quality.flags if flag.key == "stroke_volume_mismatch"]
    assert (flag.limit, flag.structures) == (0.3, ("LV", "RV"))
    assert 0.3 < flag.value < 0.6
    assert quality.ventricles == {"LV": Verdict.REVIEW, "RV": Verdict.REVIEW}


def test_an_atrium_is_judged_by_what_holds_for_it():
    labels = np.zeros((1, 30, 60, 60), dtype=np.uint8)
    labels[0, 5:20, 20:40, 20:40] = 1
    geometry = Geometry((30, 60, 60), (1.25, 1.0, 1.0))
    assert keys(Segmentation(labels, geometry, LEFT_ATRIUM)) == set()
    labels[0, 25:28, 45:60, 45:60] = 1
    assert keys(Segmentation(labels, geometry, LEFT_ATRIUM)) == {"pieces", "missing_slices", "at_image_edge"}


def test_a_reason_names_the_place_the_number_and_the_limit():
    (flag,) = quality_of(both(shifted)).flags
    assert (flag.key, flag.value, flag.limit) == ("slice_shift", pytest.approx(16.5), 15.0)
    for told in ("slice 5 of frame 0", "16.5 mm", "15.0 mm"):
        assert told in flag.reason


def test_numbers_by_hand():
    assert stroke_volume_mismatch(80.0, 60.0) == pytest.approx(0.25)
    assert stroke_volume_mismatch(10.0, 4.0) == pytest.approx(0.2)  # of 30 ml
    assert mass_change(90.0, 110.0) == pytest.approx(0.2)
    assert mass_spread([100.0, 90.0, 100.0, 130.0]) == (pytest.approx(0.3), 3)
    volumes = [100.0] * 5 + [60.0] + [100.0] * 4 + [20.0]
    assert curve_jump(volumes) == (pytest.approx(0.5), 5)  # 40 of 80 ml; the last frame is not looked at
    assert curve_jump([100.0] * 20) is None
    row = np.zeros((1, 3, 9), bool)
    row[0, 1, [0, 1, 2, 6]] = True
    assert apart(row) == pytest.approx(0.25)
    ring = np.ones((1, 3, 3), bool)
    ring[0, 1, 1] = False
    assert hollow(ring, ~ring) == pytest.approx(1 / 8)
    assert hollow(ring, np.zeros_like(ring)) == 0  # a cavity is no hole


def test_an_open_side_by_hand():
    # A cavity of one voxel has four sides, one of them without wall; the base is not looked at.
    lv, myo = np.zeros((2, 5, 5), bool), np.zeros((2, 5, 5), bool)
    lv[:, 2, 2] = True
    myo[0, [1, 3, 2], [2, 2, 1]] = True
    heart_mask = lv | myo
    heart_mask[1] = True
    assert open_wall(lv, myo, heart_mask) == (0.25, 0)


def test_lengths_and_shifts_by_hand():
    lv = np.zeros((6, 9, 9), bool)
    lv[1, 4, 4] = True
    lv[2:6, 3:6, 3:6] = True
    reach = left_ventricle(lv, lv, (8.0, 2.0, 2.0))
    assert reach.length == pytest.approx(5 * 8 / (2 * np.sqrt(36 / np.pi)))
    assert (reach.apex_cut, reach.apex_stopped) == (0.0, pytest.approx(1 / 9))
    bent = np.zeros((3, 9, 9), bool)
    bent[0, 4, 4] = bent[1, 4, 7] = bent[2, 4, 4] = True
    assert slice_shift_mm(bent, (2.0, 1.5)) == (pytest.approx(4.5), 1)
    leaning = np.zeros((3, 9, 9), bool)
    leaning[0, 4, 1] = leaning[1, 4, 4] = leaning[2, 4, 7] = True
    assert slice_shift_mm(leaning, (2.0, 1.5))[0] == 0
