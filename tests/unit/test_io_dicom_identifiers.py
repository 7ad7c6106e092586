"""Identifiers that a de-identifier rewrote image by image say nothing against positions that agree."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence

from septum.core import InputError
from septum.io import read_study
from support.dicom_study import enhanced, flat, images, localisers, stored, write


def values() -> np.ndarray:
    return stored() * 2.0 - 10.0


def rewritten(*keywords, made=None):
    """Images each of which has values of its own of some identifiers."""
    made = flat(images(stored())) if made is None else made
    for i, one in enumerate(made):
        for keyword in keywords:
            setattr(one, keyword, f"{getattr(one, keyword)}.{i}")
    return made


def keys(study):
    return {note.key for note in study.notes}


@pytest.mark.parametrize(
    ("keywords", "key"),
    [
        (("FrameOfReferenceUID",), "spaces_rewritten"),
        (("SeriesInstanceUID",), "series_of_one_phase_joined"),
        (("StudyInstanceUID",), "study_identifiers_rewritten"),
        (("FrameOfReferenceUID", "SeriesInstanceUID", "StudyInstanceUID"), "series_of_one_phase_joined"),
    ],
)
def test_identifiers_rewritten_image_by_image(tmp_path, keywords, key):
    study = read_study(write(tmp_path, rewritten(*keywords)))
    np.testing.assert_array_equal(study.cine.array, values())
    assert key in keys(study)


def test_a_series_of_its_own_for_each_image_where_only_instance_numbers_tell_phases(tmp_path):
    made = rewritten("SeriesInstanceUID")
    for one in made:
        del one.TriggerTime
    np.testing.assert_array_equal(read_study(write(tmp_path, made)).cine.array, values())


def test_a_series_a_phase(tmp_path):
    made = images(stored())
    for t, row in enumerate(made):
        for one in row:
            one.SeriesInstanceUID, one.SeriesNumber = f"1.2.3.9.{50 + t}", 50 + t
    study = read_study(write(tmp_path, flat(made)))
    np.testing.assert_array_equal(study.cine.array, values())
    assert keys(study) == {"series_of_one_phase_joined"}


def test_what_repeats_every_slice_and_has_no_times_is_refused_and_not_cut_to_one_phase(tmp_path):
    made = images(stored())
    for t, row in enumerate(made):
        for one in row:
            one.SeriesInstanceUID, one.SeriesNumber = f"1.2.3.9.{50 + t}", 50 + t
            del one.TriggerTime
    with pytest.raises(InputError, match="phases"):
        read_study(write(tmp_path, flat(made)))


def test_studies_of_different_patients_are_not_taken_for_one(tmp_path):
    one, other = flat(images(stored())), flat(images(stored(), uid="1.2.9"))
    for image in other:
        image.StudyInstanceUID, image.SeriesInstanceUID = "1.2.99", "1.2.99.1"
    with pytest.raises(InputError, match="2 studies"):
        read_study(write(tmp_path, [*one, *other]))
    with pytest.raises(InputError):  # nine images in three directions, each of a study of its own
        read_study(write(tmp_path / "scouts", rewritten("StudyInstanceUID", made=localisers())))


@pytest.mark.parametrize("items", [0, 1])
def test_a_stray_sequence_of_functional_groups_makes_no_enhanced_image(tmp_path, items):
    made = flat(images(stored()))
    for one in made:
        one.PerFrameFunctionalGroupsSequence = Sequence([Dataset() for _ in range(items)])
        one.SharedFunctionalGroupsSequence = Sequence([])
    study = read_study(write(tmp_path, made))
    np.testing.assert_array_equal(study.cine.array, values())
    assert study.notes == ()


def phase_objects(**changes):
    """One enhanced object a phase."""
    made = []
    for t in range(stored().shape[0]):
        one = enhanced(stored()[t : t + 1])
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = f"1.2.6.{t + 1}"
        one.InstanceNumber = t + 1
        for group in one.PerFrameFunctionalGroupsSequence:
            del group.CardiacSynchronizationSequence
            del group.FrameContentSequence[0].TemporalPositionIndex
        for keyword, value in changes.items():
            setattr(one, keyword, value(t))
        made.append(one)
    return made


@pytest.mark.parametrize("changes", [{}, {"SeriesInstanceUID": lambda t: f"1.2.3.9.{70 + t}"}])
def test_one_enhanced_object_a_phase_without_times_is_in_the_order_of_instance_numbers(tmp_path, changes):
    study = read_study(write(tmp_path, phase_objects(**changes)))
    np.testing.assert_array_equal(study.cine.array, values())
    assert "phases_by_instance_number" in keys(study)
