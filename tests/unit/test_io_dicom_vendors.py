"""Forms of scanners and archives that tell less, or otherwise, than one wishes."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence

from septum.core import InputError
from septum.io import dicom_contents, read_study
from support.dicom_study import Sheet, enhanced, flat, images, stored, write


def values(array) -> np.ndarray:
    return array * 2.0 - 10.0


def said(study, key, *parts):
    """There is a note of that key, with these numbers or names in its text."""
    texts = [note.text for note in study.notes if note.key == key]
    assert texts, [note.key for note in study.notes]
    assert all(part in texts[0] for part in parts), texts


def again(array, series: int = 60, sheet: Sheet | None = None):
    """A later acquisition, as [t][z]."""
    made = images(array, sheet, series=series, uid="1.2.88")
    for one in flat(made):
        one.AcquisitionTime, one.AcquisitionNumber = "113000", 2
    return made


def split(made, groups):
    """The same images, each group of slices a series of its own."""
    for row in made:
        for z, one in enumerate(row):
            one.SeriesInstanceUID, one.SeriesNumber = f"1.2.3.9.{30 + groups[z]}", 30 + groups[z]
    return made


def perfusion(trigger=None, acquired_every_s: float = 0.0, stated=None):
    """24 images of each of 4 slices, one a beat."""
    made = images(np.repeat(stored(1, 4), 24, axis=0), series=40, uid="1.2.77")
    for t, row in enumerate(made):
        for one in row:
            del one.TriggerTime
            one.CardiacNumberOfImages = stated
            one.AcquisitionTime = f"1010{t * acquired_every_s:09.6f}" if acquired_every_s else "101000"
            if trigger is not None:
                one.TriggerTime = f"{trigger(t):.1f}"
    return flat(made)


@pytest.mark.parametrize(
    "told",
    [
        {"trigger": lambda t: 850.0 * t},  # time since the first image
        {"trigger": lambda t: 120.0 + 13 * t % 40},  # about one time of the beat
        {"acquired_every_s": 0.85},
        {"trigger": lambda _: 0.0, "acquired_every_s": 0.85},
        {"stated": 1},
    ],
)
def test_one_image_a_beat_is_no_cine_however_it_is_told(tmp_path, told):
    write(tmp_path, perfusion(**told))
    with pytest.raises(InputError, match="short axis dynamic: 1"):
        read_study(tmp_path)


def test_acquisition_times_do_not_count_where_trigger_times_tell_phases_of_a_beat(tmp_path):
    made = images(stored(12, 5))
    for t, row in enumerate(made):
        for one in row:
            one.AcquisitionTime = f"1010{0.9 * t:09.6f}"
    np.testing.assert_array_equal(read_study(write(tmp_path, flat(made))).cine.array, values(stored(12, 5)))


@pytest.mark.parametrize("words", ["tagging_sax", "rest_perf_sax", "QFLOW", "T2map"])
def test_what_was_taken_for_something_else_comes_after_the_cine_and_is_said(tmp_path, words):
    other = images(stored(5, 7), series=40, uid="1.2.77")
    for one in flat(other):
        one.SeriesDescription, one.EchoTime = words, "3.5"
    write(tmp_path / "a", flat(other))
    said(read_study(tmp_path / "a"), "other_purpose")
    write(tmp_path / "b", [*flat(other), *flat(images(stored(5, 5)))])
    assert read_study(tmp_path / "b").cine.array.shape[:2] == (5, 5)


def test_the_modulus_of_a_flow_series_is_not_taken_for_its_magnitude(tmp_path):
    magnitude, modulus = images(stored(5, 1)), images(stored(5, 1) + 7, uid="1.2.77")
    for one in flat(magnitude):
        one.ImageType = ["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"]
    for one in flat(modulus):
        one.ImageType = ["ORIGINAL", "PRIMARY", "M_PCA", "M", "PCA"]
    study = read_study(write(tmp_path, [*flat(magnitude), *flat(modulus)]))
    np.testing.assert_array_equal(study.cine.array, values(stored(5, 1)))


def test_two_stacks_that_lie_between_each_other_are_not_one_of_half_the_step(tmp_path):
    # Slices of 8 mm, 10 mm apart, and later once more from 5 mm farther on: 5 mm apart they would overlap.
    first, later = images(stored()), again(stored())
    normal = np.cross(*np.reshape(first[0][0].ImageOrientationPatient, (2, 3)).astype(float))
    for one in flat(first) + flat(later):
        one.SliceThickness = "8"
    for one in flat(later):
        one.ImagePositionPatient = [
            f"{v:.6f}" for v in np.array(one.ImagePositionPatient, float) + 5 * normal
        ]
    study = read_study(write(tmp_path, flat(first) + flat(later)))
    assert study.cine.geometry.shape[0] == 6
    assert study.cine.geometry.spacing_mm[0] == pytest.approx(10.0)


@pytest.mark.parametrize("groups", [(0, 0, 0, 1, 1, 1), (0, 1, 0, 1, 0, 1), (0, 0, 0, 1, 1, 2)])
def test_groups_of_slices_in_series_of_their_own_are_one_stack(tmp_path, groups):
    study = read_study(write(tmp_path, flat(split(images(stored()), groups))))
    np.testing.assert_array_equal(study.cine.array, values(stored()))


def test_a_group_of_slices_that_was_taken_again(tmp_path):
    bad = [row[3:] for row in split(images(stored() + 9, uid="1.2.77"), (2,) * 6)]
    good = flat(split(again(stored()), (0, 0, 0, 1, 1, 1)))
    study = read_study(write(tmp_path, [*flat(bad), *good]))
    np.testing.assert_array_equal(study.cine.array, values(stored()))
    said(study, "groups_taken_again", "1")


def test_series_with_frames_of_reference_of_their_own(tmp_path):
    made = images(stored(), per_slice=True)
    for row in made:
        for z, one in enumerate(row):
            one.FrameOfReferenceUID = f"1.2.3.2.{z}"
    study = read_study(write(tmp_path, flat(made)))
    np.testing.assert_array_equal(study.cine.array, values(stored()))
    said(study, "spaces_differ")


def test_small_differences_of_slices_do_not_part_them(tmp_path):
    made = images(stored(), per_slice=True)
    for row in made:
        for z, one in enumerate(row):
            one.PixelSpacing = [3.0005 + 0.0004 * (z % 2)] * 2
            one.EchoTime = ("1.14", "1.16")[z % 2]
            one.SequenceVariant = [["SK", "SP"], ["SK", "SP", "OSP"]][z % 2]
    study = read_study(write(tmp_path, flat(made)))
    np.testing.assert_array_equal(study.cine.array, values(stored()))


def test_slices_that_are_not_quite_parallel_keep_their_distance(tmp_path):
    made = images(stored(), per_slice=True)
    row, column, normal = Sheet().axes
    tilted = np.cos(np.radians(0.5)) * row + np.sin(np.radians(0.5)) * normal
    for images_of_phase in made:
        for one in images_of_phase[1::2]:
            one.ImageOrientationPatient = [f"{v:.9f}" for v in (*tilted, *column)]
    study = read_study(write(tmp_path, flat(made)))
    assert study.cine.geometry.spacing_mm[0] == pytest.approx(10.0, abs=1e-4)
    assert not study.notes


@pytest.mark.parametrize("shift", [0.0, 0.05])
def test_a_slice_of_a_whole_series_that_was_taken_again_alone(tmp_path, shift):
    alone = again(stored(5, 1) + 9, sheet=Sheet(origin_mm=Sheet().position(2 + shift)))
    study = read_study(write(tmp_path, [*flat(images(stored())), *flat(alone)]))
    np.testing.assert_array_equal(study.cine.array[:, 2], values(stored(5, 1) + 9)[:, 0])
    np.testing.assert_array_equal(study.cine.array[:, 3], values(stored())[:, 3])
    said(study, "slices_taken_again", "1")


def test_a_repetition_that_was_broken_off_replaces_nothing(tmp_path):
    alone = again(stored(5, 1) + 9, sheet=Sheet(origin_mm=Sheet().position(2)))[:2]
    made = images(stored(), per_slice=True)
    study = read_study(write(tmp_path, [*flat(made), *flat(alone)]))
    np.testing.assert_array_equal(study.cine.array, values(stored()))


@pytest.mark.parametrize("tell_times", [True, False])
def test_a_slice_taken_again_in_its_series_is_not_mixed_with_the_first(tmp_path, tell_times):
    later = [row[2] for row in again(stored() + 9, series=5)]
    for number, one in enumerate(later):
        one.TriggerTime, one.InstanceNumber = f"{float(one.TriggerTime) + 7:.1f}", 500 + number
    made = [*flat(images(stored())), *later]
    if not tell_times:
        for one in made:
            del one.TriggerTime
    study = read_study(write(tmp_path, made))
    np.testing.assert_array_equal(study.cine.array[:, 2], values(stored() + 9)[:, 2])
    np.testing.assert_array_equal(study.cine.array[:, 3], values(stored())[:, 3])
    said(study, "several_beats", "1")


def test_of_several_beats_with_times_from_the_last_r_wave_the_last_is_taken(tmp_path):
    made = images(np.concatenate([stored() + 4, stored()]))
    for t, row in enumerate(made):
        for one in row:
            one.TriggerTime = f"{40.0 * (t % 5) + 11 * (t // 5):.1f}"
    study = read_study(write(tmp_path, flat(made)))
    np.testing.assert_array_equal(study.cine.array, values(stored()))
    said(study, "several_beats")


def test_phases_beyond_one_beat_are_told(tmp_path):
    made = images(np.concatenate([stored(5, 3)] * 6), Sheet(interval_ms=60.0))
    said(read_study(write(tmp_path, flat(made))), "beyond_one_beat")


def test_a_whole_stack_taken_again_elsewhere_along_the_axis(tmp_path):
    moved = Sheet(origin_mm=Sheet().position(0.4))
    first = images(stored() + 9, per_slice=True)
    second = images(stored(), moved, per_slice=True, series=60, uid="1.2.88")
    study = read_study(write(tmp_path, [*flat(first), *flat(second)]))
    np.testing.assert_array_equal(study.cine.array, values(stored()))
    said(study, "stack_acquired_again")


def cropped(one):
    """The same slice on a smaller matrix."""
    one = copy.deepcopy(one)
    pixels = np.frombuffer(one.PixelData, "<u2").reshape(one.Rows, one.Columns)[:, :-8]
    one.Columns, one.PixelData = pixels.shape[1], pixels.tobytes()
    return one


def test_a_slice_on_another_grid_is_told_at_an_end_and_named_where_it_is_missing(tmp_path):
    made = images(stored(), per_slice=True)
    write(tmp_path / "end", [cropped(one) if z == 5 else one for row in made for z, one in enumerate(row)])
    said(read_study(tmp_path / "end"), "slices_elsewhere", "Stack 2")
    write(tmp_path / "mid", [cropped(one) if z == 3 else one for row in made for z, one in enumerate(row)])
    with pytest.raises(InputError, match="such slices are in stack 2, but on another grid"):
        read_study(tmp_path / "mid")


def test_few_slices_are_told(tmp_path):
    said(read_study(write(tmp_path, flat(images(stored(5, 3))))), "few_slices", "3")


@pytest.mark.parametrize("name", ["IM", "MR.1.2.840.113619."])
def test_files_without_preamble_and_ending(tmp_path, name):
    for number, one in enumerate(flat(images(stored()))):
        bare = Dataset(one)
        bare.save_as(tmp_path / f"{name}{number}", implicit_vr=True, little_endian=True)
    (tmp_path / "notes").write_bytes(b"\x08\x00 is how this text begins, and it is no image." * 9)
    contents = dicom_contents(tmp_path)
    assert (contents.scan.files, contents.scan.passed_over) == (30, {})
    np.testing.assert_array_equal(read_study(tmp_path).cine.array, values(stored()))


def test_trigger_times_of_objects_that_were_converted_from_single_frames(tmp_path):
    one = enhanced(stored())
    for own in one.PerFrameFunctionalGroupsSequence:
        unassigned = Dataset()
        unassigned.TriggerTime = own.CardiacSynchronizationSequence[0].NominalCardiacTriggerDelayTime
        own.UnassignedPerFrameConvertedAttributesSequence = Sequence([unassigned])
        del own.CardiacSynchronizationSequence, own.FrameContentSequence
    study = read_study(write(tmp_path, [one]))
    np.testing.assert_array_equal(study.cine.array, values(stored()))
    assert study.cine.frame_times_ms == (3.0, 43.0, 83.0, 123.0, 163.0)


def test_a_stack_of_which_most_was_taken_again_is_not_mixed_with_the_second(tmp_path):
    rest, stress = images(stored(), per_slice=True), again(stored()[:, :5] + 9)
    for row in stress:
        for z, one in enumerate(row):
            one.SeriesInstanceUID, one.SeriesNumber = f"1.2.3.9.{60 + z}", 60 + z
            one.AcquisitionTime = f"1130{z:02d}"
    study = read_study(write(tmp_path, [*flat(rest), *flat(stress)]))
    np.testing.assert_array_equal(study.cine.array, values(stored()))
    said(study, "stack_acquired_again", "Stack 2")


def test_the_time_of_acquisition_in_one_element(tmp_path):
    made = perfusion(acquired_every_s=0.85)
    for one in made:
        one.AcquisitionDateTime = f"20200304{one.AcquisitionTime}"
        del one.AcquisitionTime
    write(tmp_path, made)
    with pytest.raises(InputError, match="short axis dynamic: 1"):
        read_study(tmp_path)


def test_a_cine_of_one_beat_comes_before_a_real_time_cine_of_more_slices(tmp_path):
    real_time = images(np.concatenate([stored(5, 4)] * 6), Sheet(interval_ms=60.0), series=60, uid="1.2.88")
    for one in flat(real_time):
        one.EchoTime = "0.9"
    write(tmp_path, [*flat(real_time), *flat(images(stored(5, 3)))])
    assert read_study(tmp_path).cine.array.shape[:2] == (5, 3)
