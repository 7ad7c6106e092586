"""Headers as makers of scanners write them, and what lies beside a cine in real studies."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest
from pydicom import DataElement, Dataset

from septum.core import InputError
from septum.io import dicom_contents, read_study
from septum.io.dicom.scanning import scan
from septum.io.dicom.stacks.grouping import stacks_of
from support.dicom_study import AXIAL, Sheet, enhanced, flat, images, sequence, stored, write, write_cine

ON_THE_RIGHT = ((-0.62, 0.78, -0.08), (0.39, 0.22, -0.894))


def values(array) -> np.ndarray:
    return array * 2.0 - 10.0


def altered(made, **elements):
    """All images of a list with other elements; ``None`` takes an element away."""
    for one in made:
        for keyword, value in elements.items():
            if value is None:
                delattr(one, keyword)
            else:
                setattr(one, keyword, value)
    return made


def taken(folder, *made):
    """What is read of a study."""
    return read_study(write(folder, [one for some in made for one in some]))


def is_cine(study) -> bool:
    """Whether it is the cine of six slices that ``images(stored())`` makes."""
    return np.array_equal(study.cine.array, values(stored()))


def other(slices: int = 7, series: int = 60, **elements):
    """A later stack at the same place, of more slices, that one would take if nothing spoke against it."""
    made = flat(images(stored(5, slices) + 9, series=series, uid=f"1.2.88.{series}"))
    return altered(made, AcquisitionTime="113000", **elements)


def of_type(one: Dataset, *values: str):
    """An enhanced object all frames of which are of this type."""
    one.ImageType = list(values)
    for own in one.PerFrameFunctionalGroupsSequence:
        own.MRImageFrameTypeSequence = sequence(FrameType=list(values), ComplexImageComponent="MAGNITUDE")
    return one


def test_the_contrast_of_an_enhanced_image_is_no_map(tmp_path):
    # Philips writes it of balanced gradient echoes: Frame Type and Acquisition Contrast are T1.
    assert is_cine(
        taken(tmp_path / "measured", [of_type(enhanced(stored()), "ORIGINAL", "PRIMARY", "T1", "NONE")])
    )
    with pytest.raises(InputError, match="short axis map: 1"):
        taken(tmp_path / "computed", [of_type(enhanced(stored()), "DERIVED", "PRIMARY", "T1", "NONE")])


@pytest.mark.parametrize(("contrast", "is_other"), [("TAGGING", True), ("FLOW_ENCODED", True), ("T1", False)])
def test_what_acquisition_contrast_says_of_another_purpose_is_heard(tmp_path, contrast, is_other):
    one = of_type(enhanced(stored()), "ORIGINAL", "PRIMARY", "M", "NONE")
    one.AcquisitionContrast = contrast
    assert ("other_purpose" in {note.key for note in taken(tmp_path, [one]).notes}) == is_other


def test_one_enhanced_object_for_each_slice_of_a_series(tmp_path):
    made = []
    for z in range(6):
        one = enhanced(stored()[:, z : z + 1], Sheet(origin_mm=Sheet().position(z)))
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = f"1.2.6.{z + 2}"
        one.InstanceNumber = z + 1
        made.append(of_type(one, "ORIGINAL", "PRIMARY", "M", "NONE"))
    study = taken(tmp_path, made)
    assert is_cine(study)
    assert not study.notes


def from_ge(made, *, creator: str = "GEMS_PARM_01", lost: bool = False, **elements: int):
    """Images as GE writes them: the public header does not tell velocity from magnitude."""
    for one in altered(made, ImageType=["ORIGINAL", "PRIMARY", "OTHER"]):
        one.add_new((0x0043, 0x0010), "LO", creator)
        for name, value in {"x2f": 0, "x30": 0, **elements}.items():
            tag = (0x0043, 0x1000 + int(name[1:], 16))
            raw = int(value).to_bytes(2, "little")
            one.add(DataElement(tag, "UN", raw) if lost else DataElement(tag, "SS", value))
    return made


@pytest.mark.parametrize("told", [{"x30": 3}, {"x30": 11}, {"x2f": 1}, {"x2f": 2}, {"x30": 4, "lost": True}])
def test_velocity_and_phase_that_ge_tells_in_private_elements(tmp_path, told):
    cine = from_ge(flat(images(stored())))
    assert is_cine(taken(tmp_path / "a", cine, from_ge(other(), **told)))
    with pytest.raises(InputError, match=r"short axis (map|real part): 1"):
        taken(tmp_path / "b", from_ge(other(), **told))


def test_the_magnitude_of_a_flow_measurement_of_ge_comes_after_the_cine(tmp_path):
    assert is_cine(taken(tmp_path, from_ge(flat(images(stored()))), from_ge(other(), x30=8)))


def test_elements_of_another_creator_are_not_read_as_those_of_ge(tmp_path):
    assert is_cine(taken(tmp_path, from_ge(flat(images(stored())), creator="ACME 1.0", x30=3, x2f=1)))


def test_private_elements_of_implicit_files_without_preamble(tmp_path):
    for number, one in enumerate(from_ge(other(), x30=9)):
        Dataset(one).save_as(tmp_path / f"IM{number}", implicit_vr=True, little_endian=True)
    with pytest.raises(InputError, match="short axis map: 1"):
        read_study(tmp_path)


def test_the_protocol_of_the_whole_examination_is_no_purpose_of_a_series(tmp_path):
    made = altered(flat(images(stored())), ProtocolName="Cardiac perfusion viability flow")
    assert not taken(tmp_path, made).notes


@pytest.mark.parametrize(
    "words",
    [
        "sBTFE_BH_M2D", "SHORT AXIS A Fiesta gated", "sa_2 k-t BLAST", "tf2d15_retro_iPAT@c",
        "SAX_CINE_4CH_plan", "cine_sa_stack 2ch planned", "Cine_SAX_base_to_valve", "SAX gridded",
    ],
)  # fmt: skip
def test_descriptions_of_short_axis_cines_are_taken_for_nothing_else(tmp_path, words):
    made = altered(flat(images(stored())), SeriesDescription=words)
    assert not taken(tmp_path / "a", made).notes
    assert is_cine(taken(tmp_path / "b", made, other(slices=1, EchoTime="1.9")))


@pytest.mark.parametrize(
    "told",
    [
        {"SequenceName": "*fl2d1_v150in"},
        {"SeriesDescription": "cine AoV stack"},
        {"SeriesDescription": "CINE_segmented_Ao_dist"},
        {"SeriesDescription": "cine_4ch_stack"},
        {"SeriesDescription": "SA flux"},
        {"SeriesDescription": "AoV SAX"},
    ],
)
def test_what_is_told_to_be_something_else_comes_after_the_cine(tmp_path, told):
    assert is_cine(taken(tmp_path, flat(images(stored())), other(EchoTime="1.3", **told)))


def test_the_cine_under_stress_comes_after_that_at_rest(tmp_path):
    assert is_cine(
        taken(tmp_path, flat(images(stored())), other(slices=6, SeriesDescription="SA dobutamine 40"))
    )


@pytest.mark.parametrize(
    "words", ["SAX", "CINE_segmented_SAX_b3", "cine petit axe", "eje corto", "kurze Achse", "SA"]
)
@pytest.mark.parametrize("directions", [ON_THE_RIGHT, AXIAL])
def test_a_whole_cine_that_is_short_axis_by_description_alone(tmp_path, words, directions):
    made = altered(flat(images(stored(), Sheet(directions))), SeriesDescription=words)
    study = taken(tmp_path, made)
    assert is_cine(study)
    assert "short_axis_by_description" in {note.key for note in study.notes}


def test_what_lies_short_axis_comes_before_what_only_says_so(tmp_path):
    said = flat(images(stored(5, 9), Sheet(AXIAL), series=60, uid="1.2.88"))
    assert is_cine(taken(tmp_path, flat(images(stored())), altered(said, SeriesDescription="SAX")))


def test_slices_of_a_biobank_with_their_copies_for_evaluation(tmp_path):
    made = images(stored(), per_slice=True)
    copies = altered(
        flat(images(stored(), series=99, uid="1.2.77")), SeriesDescription="CINE_segmented_SAX_InlineVF"
    )
    tagged = altered(other(3), SeriesDescription="cine_tagging_3sl_SAX_b2s", EchoTime="3.9")
    for row in made:
        for z, one in enumerate(row):
            one.SeriesDescription = f"CINE_segmented_SAX_b{z + 1}"
            copies[made.index(row) * 6 + z].AcquisitionTime = one.AcquisitionTime
    altered([*flat(made), *copies], ImageType=["ORIGINAL", "PRIMARY", "M", "RETRO", "NORM", "DIS2D"])
    study = taken(tmp_path, flat(made), copies, tagged)
    assert is_cine(study)
    assert {row.path.name for one in study.header.frames for row in one}.isdisjoint(
        {file.name for file in tmp_path.iterdir() if b"InlineVF" in file.read_bytes()}
    )


def real_time(place: float, **elements):
    """A slice taken later without gating: 60 phases of 50 ms."""
    array = np.concatenate([stored(20, 1) + 9] * 3)
    sheet = Sheet(origin_mm=Sheet().position(place), interval_ms=50.0)
    made = flat(images(array, sheet, series=70, uid="1.2.88"))
    return altered(made, AcquisitionTime="113000", **elements)


@pytest.mark.parametrize("per_slice", [True, False])
@pytest.mark.parametrize("gone", [(), ("NominalInterval",), ("NominalInterval", "TriggerTime")])
def test_a_slice_taken_again_in_real_time_replaces_nothing(tmp_path, per_slice, gone):
    made = flat(images(stored(20, 4), per_slice=per_slice))
    lost = dict.fromkeys(gone)
    study = taken(tmp_path, altered(made, **lost), real_time(2, **lost))
    np.testing.assert_array_equal(study.cine.array, values(stored(20, 4)))


def test_a_gated_slice_replaces_nothing_of_a_stack_in_real_time(tmp_path):
    array = np.concatenate([stored(20, 4)] * 3)
    made = flat(images(array, Sheet(interval_ms=50.0)))
    gated = images(stored(20, 1) + 9, Sheet(origin_mm=Sheet().position(2)), series=70, uid="1.2.88")
    write(tmp_path, [*made, *altered(flat(gated), AcquisitionTime="113000")])
    np.testing.assert_array_equal(read_study(tmp_path, stack=1).cine.array, values(array))


def test_a_stack_in_real_time_comes_after_the_gated_one(tmp_path):
    array = np.concatenate([stored(20, 4) + 9] * 2)
    free = altered(
        flat(images(array, series=60, uid="1.2.88")), SeriesDescription="SA real time", NominalInterval=None
    )
    gated = altered(flat(images(stored(20, 4))), NominalInterval=None)
    np.testing.assert_array_equal(taken(tmp_path, gated, free).cine.array, values(stored(20, 4)))


def test_a_missing_slice_is_not_filled_in_real_time(tmp_path):
    made = [one for row in images(stored(20), per_slice=True) for z, one in enumerate(row) if z != 2]
    with pytest.raises(InputError, match=r"such slices are in stack 2.*more than one beat"):
        taken(tmp_path, made, real_time(2))


@pytest.mark.parametrize("stated", [True, False])
def test_a_long_beat_of_an_irregular_heart_is_one_beat(tmp_path, stated):
    made = images(stored(20, 4), per_slice=True)
    for row in made:
        row[2].TriggerTime = f"{1.7 * float(row[2].TriggerTime):.1f}"
        for z, one in enumerate(row):
            one.NominalInterval = ("1530" if z == 2 else "900") if stated else None
    np.testing.assert_array_equal(taken(tmp_path, flat(made)).cine.array, values(stored(20, 4)))


@pytest.mark.parametrize(("shift_mm", "slices"), [(6.0, 6), (20.0, 3)])
def test_slices_of_a_plan_that_was_moved_in_plane_are_joined_or_named(tmp_path, shift_mm, slices):
    made = images(stored(), per_slice=True)
    for one in (one for row in made for one in row[3:]):
        place = np.array(one.ImagePositionPatient, float) + shift_mm * Sheet().axes[0]
        one.ImagePositionPatient = [f"{v:.6f}" for v in place]
    study = taken(tmp_path, flat(made))
    assert study.cine.geometry.shape[0] == slices
    key = "shifted_slices" if slices == 6 else "slices_elsewhere"
    assert key in {note.key for note in study.notes}


def test_images_with_one_identifier_for_all(tmp_path):
    made = flat(images(stored()))
    for one in made:
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    assert is_cine(taken(tmp_path, made))


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"PatientSize": "175"}, "is no height in m:"),
        ({"PatientWeight": "71500"}, "is no weight in kg:"),
        ({"PatientSize": "175", "PatientWeight": "71500"}, "is no height in m and no weight in kg:"),
        ({"PatientSize": "0", "PatientWeight": "0"}, ""),
    ],
)
def test_body_size_in_other_units_is_told_once_and_not_taken(tmp_path, stated, said):
    study = taken(tmp_path, altered(flat(images(stored())), **stated))
    notes = [note for note in study.notes if note.key == "body_size_not_believed"]
    assert [said in note.text for note in notes] == [True] * bool(said)
    assert ("PatientSize" in stated) == (study.subject.height_m is None)
    contents = dicom_contents(tmp_path)
    assert contents.prospect(contents.choose())[1] == study.notes


def test_a_study_of_very_many_small_series_is_sorted_in_seconds(tmp_path):
    (frame, *_) = scan(write_cine(tmp_path, stored(1, 1))).frames
    made = [
        dataclasses.replace(
            frame,
            position_mm=tuple(Sheet().position(10 * s + z)),
            series_uid=f"{s}",
            sop_instance_uid=f"{s}.{z}",
        )
        for s in range(1500)
        for z in range(3)
    ]
    start = time.perf_counter()
    assert len(stacks_of(made)[0]) == 1500
    assert time.perf_counter() - start < 30
