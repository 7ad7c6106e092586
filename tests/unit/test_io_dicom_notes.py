"""What is wrong with a DICOM study and can be settled: it is settled in one way, and said."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from septum.core import InputError
from septum.io import dicom_contents, read_study
from support.dicom_study import SHORT_AXIS, Sheet, flat, images, stored, write


def values(array) -> np.ndarray:
    return array * 2.0 - 10.0


def read(folder, objects):
    return read_study(write(folder, objects))


def said(study, key, *parts):
    """There is a note of that key, with these numbers or names in its text."""
    texts = [note.text for note in study.notes if note.key == key]
    assert texts, [note.key for note in study.notes]
    assert all(part in texts[0] for part in parts), texts


def test_copies_of_one_object(tmp_path):
    made = flat(images(stored()))
    write(tmp_path, made[:7])
    study = read(tmp_path, made)
    np.testing.assert_array_equal(study.cine.array, values(stored()))
    said(study, "copies_left_out", "7")
    assert "differ" not in study.notes[0].text


def test_copies_of_one_object_that_are_not_the_same(tmp_path):
    made = flat(images(stored()))
    other = copy.deepcopy(made[3])
    other.PixelData = bytes(len(other.PixelData))
    said(read(tmp_path, [*made, other]), "copies_left_out", "1 copies", "differ")


def test_a_copy_with_identifiers_of_its_own(tmp_path):
    again = flat(images(stored(), series=5, uid="1.2.77"))
    for one in again:
        one.SeriesInstanceUID, one.SeriesNumber = "1.2.3.9.500", 500
    study = read(tmp_path, [*flat(images(stored())), *again])
    said(study, "copied_stack")
    assert study.header.frames[0][0].sop_instance_uid.startswith("1.2.3.5.")


def test_a_rescaled_copy_that_says_so(tmp_path):
    fine = np.repeat(np.repeat(stored(), 2, axis=2), 2, axis=3)
    derived = flat(images(fine, Sheet(pixel_mm=(1.5, 1.5)), series=50))
    for one in derived:
        one.ImageType = ["DERIVED", "SECONDARY"]
    study = read(tmp_path, [*flat(images(stored())), *derived])
    assert study.cine.array.shape == stored().shape
    said(study, "copied_stack")


def test_two_stacks_in_one_series(tmp_path):
    atria = flat(images(stored(5, 3), Sheet(origin_mm=Sheet().position(-20)), uid="1.2.88"))
    study = read(tmp_path, [*flat(images(stored())), *atria])
    np.testing.assert_array_equal(study.cine.array, values(stored()))
    said(study, "series_parted", "3 and 6")


def test_two_stacks_beside_each_other_in_one_series(tmp_path):
    beside = flat(
        images(stored(5, 4), Sheet(origin_mm=Sheet().position(0) + 60 * Sheet().axes[0]), uid="1.2.88")
    )
    study = read(tmp_path, [*flat(images(stored())), *beside])
    np.testing.assert_array_equal(study.cine.array, values(stored()))
    said(study, "series_parted", "6")


def test_other_orientations_in_the_series(tmp_path):
    long_axis = flat(images(stored(5, 1), Sheet(((0.65, -0.55, -0.52), (0.65, 0.75, 0.02))), uid="1.2.88"))
    said(read(tmp_path, [*flat(images(stored())), *long_axis]), "other_orientations_left_out", "5")


def test_a_slice_that_was_taken_again(tmp_path):
    made = images(stored(), per_slice=True)
    again = images(stored() + 1, per_slice=True, series=60, uid="1.2.88")
    study = read(tmp_path, [*flat(made), *(row[2] for row in again)])
    np.testing.assert_array_equal(study.cine.array[:, 2], values(stored() + 1)[:, 2])
    said(study, "slices_taken_again", "1")


def test_a_slice_between_others(tmp_path):
    between = flat(images(stored(5, 1), Sheet(origin_mm=Sheet().position(2.2)), uid="1.2.88"))
    study = read(tmp_path, [*flat(images(stored())), *between])
    np.testing.assert_array_equal(study.cine.array, values(stored()))
    said(study, "slices_between_left_out", "1")


def test_a_missing_slice_is_refused_and_a_missing_end_is_not(tmp_path):
    made = images(stored())
    write(tmp_path / "a", [one for row in made for z, one in enumerate(row) if z != 3])
    with pytest.raises(InputError, match=r"lacks slices: .* 1 should be"):
        read_study(tmp_path / "a")
    assert read(tmp_path / "b", [one for row in made for one in row[:-1]]).cine.array.shape[1] == 5


def test_uneven_slices(tmp_path):
    made = images(stored())
    for row in made:
        row[3].ImagePositionPatient = [f"{v:.4f}" for v in Sheet().position(3.2)]
    study = read(tmp_path, flat(made))
    said(study, "uneven_slices", "8 to 12 mm")
    assert study.cine.geometry.spacing_mm[0] == pytest.approx(10.0, abs=1e-4)


def test_slices_shifted_in_plane(tmp_path):
    made = images(stored())
    for row in made:
        for z, one in enumerate(row):
            one.ImagePositionPatient = [f"{v:.4f}" for v in Sheet().position(z) + z * 1.5 * Sheet().axes[0]]
    said(read(tmp_path, flat(made)), "shifted_slices", "7.5 mm")


def test_a_missing_phase_is_filled_by_the_nearest(tmp_path):
    made = images(stored())
    study = read(
        tmp_path, [one for t, row in enumerate(made) for z, one in enumerate(row) if (t, z) != (3, 2)]
    )
    said(study, "phases_unequal", "4 phases")
    np.testing.assert_array_equal(study.cine.array[:3], values(stored())[:3])
    assert study.header.frames[3][2] in (study.header.frames[2][2], study.header.frames[4][2])


@pytest.mark.parametrize(("whole", "phases", "refused"), [(2, 2, True), (2, 8, True), (2, 10, False)])
def test_most_slices_with_far_fewer_phases_than_others_are_refused(tmp_path, whole, phases, refused):
    made = images(stored(20))
    some = [
        one for t, row in enumerate(made) for z, one in enumerate(row)
        if z < whole or (t % (20 // phases) == 0 and t // (20 // phases) < phases)
    ]  # fmt: skip
    if refused:
        with pytest.raises(InputError, match=f"found {phases} in most"):
            read(tmp_path, some)
    else:
        said(read(tmp_path, some), "phases_unequal", "20 phases")


def test_a_slice_of_one_phase_at_the_end_is_left_out_and_within_the_stack_refused(tmp_path):
    made = images(stored())
    study = read(
        tmp_path / "a", [one for t, row in enumerate(made) for z, one in enumerate(row) if z < 5 or t == 0]
    )
    assert study.cine.array.shape[:2] == (5, 5)
    said(study, "bare_end_slices", "1")
    write(
        tmp_path / "b", [one for t, row in enumerate(made) for z, one in enumerate(row) if z != 2 or t == 0]
    )
    with pytest.raises(InputError, match="expected 5 of each slice, and found 1 of slice 3 of 6"):
        read_study(tmp_path / "b")


def test_repeated_phases(tmp_path):
    again = images(stored() + 3, uid="1.2.88")
    for row in again:
        for one in row:
            one.AcquisitionNumber = 2
    study = read(tmp_path, [*flat(images(stored())), *flat(again)])
    np.testing.assert_array_equal(study.cine.array, values(stored() + 3))
    said(study, "several_beats", "6")


def test_repeated_images_of_one_phase(tmp_path):
    again = images(stored() + 3, uid="1.2.88")[2]
    for one in again:
        one.AcquisitionNumber = 2
    study = read(tmp_path, [*flat(images(stored())), *again])
    np.testing.assert_array_equal(study.cine.array[2], values(stored() + 3)[2])
    np.testing.assert_array_equal(study.cine.array[3], values(stored())[3])
    said(study, "phases_repeated", "6")


def test_trigger_times_that_differ_from_slice_to_slice(tmp_path):
    made = images(stored())
    for t, row in enumerate(made):
        row[1].TriggerTime = f"{t * 52 + 3}"
    study = read(tmp_path, flat(made))
    assert study.cine.frame_times_ms == (3.0, 43.0, 83.0, 123.0, 163.0)
    np.testing.assert_array_equal(study.cine.array, values(stored()))
    said(study, "trigger_times_differ", "48 ms")


def test_instance_numbers_against_trigger_times(tmp_path):
    made = images(stored())
    for t, row in enumerate(made):
        for z, one in enumerate(row):
            one.InstanceNumber = 100 * z + (7 * t) % 5
    study = read(tmp_path, flat(made))
    np.testing.assert_array_equal(study.cine.array, values(stored()))
    said(study, "instance_numbers_disagree", "6")


@pytest.mark.parametrize("key", ["phases_by_temporal_position", "phases_by_instance_number"])
def test_phases_without_trigger_times(tmp_path, key):
    made = images(stored())
    for t, row in enumerate(made):
        for z, one in enumerate(row):
            del one.TriggerTime
            if key == "phases_by_temporal_position":
                one.TemporalPositionIdentifier, one.InstanceNumber = t + 1, 1
            else:
                one.CardiacNumberOfImages, one.InstanceNumber = 5, t * 6 + z
    study = read(tmp_path, flat(made))
    np.testing.assert_array_equal(study.cine.array, values(stored()))
    assert (study.cine.frame_times_ms, study.cine.frame_interval_ms) == (None, 180.0)
    said(study, key)
    said(study, "interval_from_beat", "180 ms")


def test_a_number_of_images_that_does_not_hold(tmp_path):
    made = flat(images(stored()))
    for one in made:
        one.TriggerTime, one.CardiacNumberOfImages = "0", 25
    said(read(tmp_path, made), "phases_by_instance_number", "25")


def test_a_single_phase_and_a_single_slice(tmp_path):
    said(read(tmp_path / "a", flat(images(stored(1, 6)))), "single_phase")
    late = flat(images(stored(1, 6)))
    for one in late:
        one.ScanningSequence, one.InversionTime = ["GR", "IR"], "280"
    assert read_study(write(tmp_path / "late", late), wanted="late-gadolinium").notes == ()
    study = read(tmp_path / "b", flat(images(stored(5, 1))))
    said(study, "single_slice")
    assert study.cine.geometry.spacing_mm[0] == 8.0, "its thickness"


def test_a_damaged_file_among_good_ones(tmp_path):
    made = flat(images(stored()))
    write(tmp_path, made)
    path = next(p for p in sorted(tmp_path.iterdir()))
    path.write_bytes(path.read_bytes()[:5000])
    study = read_study(tmp_path)
    said(study, "damaged_files", "1")
    said(study, "phases_unequal", "4 phases")


def test_the_later_of_two_equal_cines_is_taken(tmp_path):
    later = flat(images(stored() + 5, Sheet(SHORT_AXIS), series=8, uid="1.2.88"))
    study = read(tmp_path, [*later, *flat(images(stored()))])
    np.testing.assert_array_equal(study.cine.array, values(stored() + 5))
    said(study, "stack_acquired_again")
    assert len(dicom_contents(tmp_path).stacks) == 2


def test_a_slice_that_was_taken_in_a_series_of_its_own(tmp_path):
    made = images(stored())
    for row in made:
        row[3].SeriesInstanceUID, row[3].SeriesNumber = "1.2.3.9.70", 70
    study = read(tmp_path, flat(made))
    np.testing.assert_array_equal(study.cine.array, values(stored()))
    said(study, "slices_of_another_series")


def test_tagged_slices_of_single_series_do_not_mix_with_the_cine(tmp_path):
    tagged = images(stored() + 9, per_slice=True, series=60, uid="1.2.88")
    for row in tagged:
        for one in row:
            one.SequenceVariant, one.EchoTime = "SP", "4.1"
    study = read(
        tmp_path, [*flat(images(stored(), per_slice=True)), *(row[z] for row in tagged for z in (1, 3))]
    )
    np.testing.assert_array_equal(study.cine.array, values(stored()))
