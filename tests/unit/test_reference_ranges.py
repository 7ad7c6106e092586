"""Reference ranges: the tables as they were transcribed, z-scores by hand, and what is refused."""

import json
import statistics
from dataclasses import replace

import numpy as np
import pytest

import septum
from septum.core import Index, Indices, InputError, MeasuredError, Place, Source, Subject
from septum.core.comparison import place_of
from septum.indices.body import mosteller_m2
from septum.indices.definitions import DEFINITIONS
from septum.interpretation.names import ETHNICITIES, REFERENCES
from septum.interpretation.probability import p_outside
from septum.interpretation.ranges import Request, compare, contradictions
from septum.interpretation.references import load_reference, parse_reference
from septum.phantom import PhantomSettings, beating_heart

WOMAN = Subject.of(sex="F", age_years=54.0)
TALL = Subject.of(sex="M", age_years=61.9, height_m=1.80, weight_kg=80.0)
SMALL = PhantomSettings(frames=3, slices=6, matrix=(72, 72), in_plane_mm=3.0, slice_spacing_mm=14.0)
UNITS = {one.key: one.unit for one in DEFINITIONS}


def indices(**values):
    return Indices(None, {}, None, tuple(Index(k, k, v, UNITS[k]) for k, v in values.items()))


def keys(notes):
    return {note.key for note in notes}


def limits(name, sex, age, index, *, by_area, ethnicity="white"):
    (found,) = [
        one
        for one in load_reference(name).of(sex, age, ethnicity)
        if one.index == index and one.by_area == by_area
    ]
    return found.low, found.high


@pytest.mark.parametrize(
    ("name", "sex", "age", "index", "by_area", "expected"),
    [
        ("hhc2024", "F", 29.9, "lv_edv_ml", False, (107, 191)),
        ("hhc2024", "F", 55, "rv_ef_percent", False, (50, 74)),
        ("hhc2024", "M", 30, "lv_mass_ed_g", False, (79, 149)),
        ("hhc2024", "M", 85, "rv_esv_ml", False, (29, 101)),
        ("hhc2024", "M", 45, "lv_edv_ml", True, (58, 112)),
        ("hhc2024", "F", 75, "lv_esv_ml", True, (12, 36)),
        ("scmr2025", "M", 40, "lv_edv_ml", True, (49, 102)),
        ("scmr2025", "F", 40, "rv_edv_ml", True, (44, 99)),
        ("scmr2025", "M", 40, "rv_ef_percent", False, (44, 72)),
        ("ukb2017", "M", 60, "lv_edv_ml", False, (93, 232)),
        ("ukb2017", "F", 60, "rv_esv_ml", True, (16, 55)),
        ("ukb2017", "M", 60, "lv_ef_percent", False, (48.2, 67.8)),
    ],
)
def test_limits_are_those_of_the_transcription(name, sex, age, index, by_area, expected):
    assert limits(name, sex, age, index, by_area=by_area) == expected


@pytest.mark.parametrize("name", REFERENCES)
def test_every_range_is_of_an_index_that_there_is_in_adults_and_the_convention_of_the_masks(name):
    table = load_reference(name)
    assert table.convention == "papillary in cavity"
    assert {one.index for one in table.ranges} <= set(UNITS)
    assert min(one.from_age for one in table.ranges) >= 18
    assert "own tables" in table.read
    assert "doi" in table.citation


def test_intervals_of_the_default_table_have_a_constant_width_and_fall_in_a_line_with_age():
    table = load_reference("hhc2024")
    for sex in "FM":
        rows = [
            r
            for r in table.ranges
            if (r.ethnicity, r.sex, r.index, r.by_area) == ("white", sex, "lv_edv_ml", False)
        ]
        assert len(rows) == 6
        assert max(r.high - r.low for r in rows) - min(r.high - r.low for r in rows) <= 1
        steps = np.diff([r.low for r in rows])
        assert np.ptp(steps) <= 1
    assert {one.ethnicity for one in table.ranges} == set(ETHNICITIES)


def test_a_z_score_and_its_percentile_are_as_by_hand():
    compared = compare(indices(lv_ef_percent=42.0), WOMAN, Request())
    (item,) = compared.items
    assert item.z == pytest.approx((42.0 - 62.5) / (23.0 / 3.92))
    assert item.percentile == pytest.approx(100 * statistics.NormalDist().cdf(item.z))
    assert (item.below, item.above, item.outside, item.place) == (None, None, None, None)
    assert "reference_without_error" in keys(compared.notes)


def test_an_index_is_compared_by_the_body_surface_area_of_the_table():
    compared = compare(
        indices(lv_edv_ml=200.0, lv_ef_percent=60.0), TALL, Request(body_surface_area="du-bois")
    )
    volume, fraction = compared.items
    area_m2 = mosteller_m2(1.80, 80.0)
    assert (volume.by_area, volume.unit, volume.low, volume.high) == (True, "ml/m²", 51, 106)
    assert volume.value == pytest.approx(200.0 / area_m2)
    assert (fraction.by_area, fraction.unit, fraction.value) == (False, "%", 60.0)
    assert compared.body_surface_area_m2 == pytest.approx(area_m2)
    assert compared.body_surface_area_formula == "Mosteller"
    assert compared.group == "men, 60 to 69 years, White"


def test_the_formula_of_a_table_that_does_not_say_it_is_the_chosen_one():
    compared = compare(indices(lv_edv_ml=200.0), TALL, Request("scmr2025"))
    assert compared.body_surface_area_formula == "Du Bois"
    assert "reference_formula_unknown" in keys(compared.notes)


def test_a_table_without_a_mean_gives_no_z_score():
    compared = compare(indices(rv_edv_ml=150.0, lv_edv_ml=150.0), WOMAN, Request("ukb2017"))
    by_key = {item.key: item for item in compared.items}
    assert by_key["rv_edv_ml"].z is None
    assert by_key["lv_edv_ml"].z == pytest.approx((150 - 124) / 21)


def test_the_probability_is_the_part_of_the_errors_distribution_beyond_the_limits():
    error = MeasuredError("difference", mean=-2.0, sd=3.0, patients=20)
    draws = np.random.default_rng(0).standard_t(19, 400_000) * 3.0 * np.sqrt(1 + 1 / 20)
    for value in (40.0, 47.0, 49.0, 60.0, 73.0):
        true = value + 2.0 - draws
        below, above = p_outside(value, 50.0, 74.0, error)
        assert below == pytest.approx((true < 50).mean(), abs=0.005)
        assert above == pytest.approx((true > 74).mean(), abs=0.005)


def test_the_true_value_is_rather_where_patients_have_theirs():
    error = MeasuredError("difference", mean=0.0, sd=4.0, patients=20)
    among = replace(error, usual=tuple(np.linspace(55.0, 70.0, 25)))
    assert p_outside(50.0, 50.0, 74.0, error)[0] == pytest.approx(0.5, abs=0.001)
    values = np.linspace(0.0, 100.0, 200_001)
    usual = np.array(among.usual)
    width = 1.06 * usual.std(ddof=1) * 25**-0.2
    common = sum(np.exp(-0.5 * ((values - one) / width) ** 2) for one in usual)
    common = common / (25 * width * np.sqrt(2 * np.pi)) + 0.02 / usual.std(ddof=1)
    density = common * (1 + ((values - 50.0) / (4.0 * np.sqrt(1 + 1 / 20))) ** 2 / 19) ** -10
    below, above = p_outside(50.0, 50.0, 74.0, among)
    assert below == pytest.approx(density[values < 50].sum() / density.sum(), abs=0.002)
    assert above == pytest.approx(density[values > 74].sum() / density.sum(), abs=0.002)
    assert below < 0.4


def test_an_unheard_of_value_stays_where_it_was_measured():
    error = MeasuredError("ratio", 0.0, 0.05, 20, usual=tuple(np.linspace(80.0, 200.0, 25)))
    assert p_outside(500.0, 90.0, 300.0, error)[1] > 0.99


def test_a_ratio_of_a_volume_is_the_same_error_whatever_the_body_surface_area():
    error = {"lv_edv_ml": MeasuredError("ratio", mean=0.02, sd=0.05, patients=20)}
    (item,) = compare(indices(lv_edv_ml=215.0), TALL, Request(), error).items
    area = mosteller_m2(1.80, 80.0)
    direct = p_outside(215.0, 51.0 * area, 106.0 * area, error["lv_edv_ml"])
    assert (item.below, item.above) == pytest.approx(direct)
    assert item.outside == pytest.approx(sum(direct))


@pytest.mark.parametrize(
    ("probability", "place"),
    [
        (0.91, Place.OUTSIDE),
        (0.9, Place.CANNOT_TELL),
        (0.1, Place.CANNOT_TELL),
        (0.09, Place.INSIDE),
        (None, None),
    ],
)
def test_a_value_is_flagged_above_nine_tenths_and_not_before(probability, place):
    assert place_of(probability) is place


@pytest.mark.parametrize(
    ("subject", "request_", "key"),
    [
        (Subject.of(sex="F"), Request(), "reference_person_unknown"),
        (Subject.of(age_years=50.0), Request(), "reference_person_unknown"),
        (Subject.of(sex="F", age_years=17.9), Request("scmr2025"), "reference_of_adults"),
        (Subject.of(sex="F", age_years=40.0), Request("ukb2017"), "reference_has_no_group"),
        (Subject.of(sex="M", age_years=40.0), Request(ethnicity="black"), "reference_has_no_group"),
    ],
)
def test_whom_no_table_is_of_is_not_compared_and_a_note_says_so(subject, request_, key):
    compared = compare(indices(lv_ef_percent=60.0), subject, request_)
    assert compared.items == ()
    assert keys(compared.notes) == {key}


def test_an_ethnicity_is_never_assumed_in_silence():
    assumed, given = (
        compare(indices(lv_ef_percent=60.0), WOMAN, Request(ethnicity=one)) for one in (None, "chinese")
    )
    assert "reference_ethnicity_assumed" in keys(assumed.notes)
    assert not assumed.ethnicity_given
    assert given.group == "women, 50 to 59 years, Chinese"
    assert given.ethnicity_given
    assert "reference_ethnicity_assumed" not in keys(given.notes)


def test_the_left_atrium_has_no_range():
    compared = compare(indices(la_volume_ml=80.0), WOMAN, Request())
    assert compared.items == ()
    assert "reference_has_no_index" in keys(compared.notes)


def test_a_sex_that_is_not_that_of_the_header_is_said_without_naming_either():
    (note,) = contradictions(WOMAN, Subject.of(sex="M", age_years=70.0, source=Source.FILE))
    assert "sex and age" in note.text
    assert contradictions(WOMAN, Subject.of(sex="F", age_years=54.8, source=Source.FILE)) == ()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda d: d["rows"][0].__setitem__(6, 500), "low below high"),
        (lambda d: d["rows"].append(d["rows"][0]), "found two of one"),
        (lambda d: d["rows"][0].__setitem__(2, 12), "18"),
        (lambda d: d["rows"][0].__setitem__(1, "X"), "sex"),
        (lambda d: d.update(convention="papillary in mass"), "convention"),
    ],
)
def test_a_table_that_was_edited_by_hand_is_refused_in_one_sentence(change, named):
    from importlib.resources import files

    document = json.loads(files("septum.interpretation").joinpath("tables/scmr2025.json").read_bytes())
    change(document)
    with pytest.raises(InputError, match=named) as refused:
        parse_reference(json.dumps(document).encode(), "scmr2025.json")
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("scmr2025.json: ")


def test_there_is_no_such_table():
    with pytest.raises(InputError, match="hhc2024"):
        load_reference("mine")
    with pytest.raises(InputError, match="age_years"):
        septum.IndexSettings(age_years=500)
    with pytest.raises(InputError, match="sex"):
        septum.IndexSettings(sex="female")


def test_a_given_mask_is_compared_without_a_probability_and_its_convention_is_doubted():
    heart = beating_heart(np.random.default_rng(0), SMALL)
    settings = septum.IndexSettings(sex="F", age_years=54, height_m=1.7, weight_kg=65)
    result = septum.measure(heart.truth, indices=settings)
    assert result.comparison.reference == "hhc2024"
    assert all(item.outside is None for item in result.comparison.items)
    assert {"reference_convention", "reference_without_error"} <= keys(result.notes)
    assert septum.measure(heart.truth).comparison is None
