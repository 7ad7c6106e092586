"""The calibration by hand on tiny data, and that what is reported of it is of unseen patients."""

import math
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev

import pytest

from septum.core import Bias, BundleError, EjectionFractionInterval, Flag, Verdict
from septum.indices import clinical_indices
from septum.inference import open_bundle
from septum.inference.out_of_distribution import Evidence
from septum.metrics.scores_file import read_rows
from septum.quality.calibration import (
    FILE,
    Calibration,
    DiceEstimate,
    IntervalWidth,
    calibration_of,
    load_calibration,
)
from septum.quality.verdict import assess_quality
from septum_study.calibration.cases import case_of, line_of, own_cases, quality_cases, typical_lacks
from septum_study.calibration.evaluation import (
    apply_to,
    evaluate_on,
    evaluate_unseen,
    exact_interval,
    shipped_calibration,
)
from septum_study.calibration.fit import (
    QualityCase,
    conformal_quantile,
    fit_calibration,
    fit_dice,
    fit_width,
    limit_of,
    unseen_estimates,
)
from septum_study.calibration.ranges import measured_errors, unseen_pairs
from support.hearts import cine, heart

ROOT = Path(__file__).parents[2]
STUDY = ROOT / "studies" / "quality"
DICE = DiceEstimate(
    features=("agreement", "open_wall"), centre=(0.9, 0.1), scale=(0.05, 0.1), coefficients=(-0.2, 0.4),
    intercept=math.log(0.15),
)  # fmt: skip
BIAS = Bias(-1.5, 4.0, 20)
WIDTH = IntervalWidth(level=0.9, multiple=50.0, least_lack=0.01, bias=BIAS)
WIDE = {"LV": WIDTH, "RV": WIDTH.model_copy(update={"multiple": 100.0})}
CALIBRATION = Calibration(
    networks=("a", "b"), cases=10, limits={"low_confidence": 0.9, "open_wall": 0.05}, dice=DICE,
    rejected_below=0.8, reviewed_below=0.87, ejection_fractions={"LV": WIDTH},
)  # fmt: skip


def case(number, group, *, dice=None, error=2.0, overlap=None, **more):
    overlap = 0.9 + 0.002 * (number % 20) if overlap is None else overlap
    expected = {"least_soft_dice": overlap, "log_least_soft_dice_lack": math.log(1 - overlap)}
    expected |= {"lv_soft_dice": overlap, "rv_soft_dice": overlap}
    return QualityCase(
        patient=f"p{number}",
        group=group,
        measures={**expected, "open_wall": 0.01 * (number % 5), **more},
        basic={},
        mean_dice=0.9 if dice is None else dice,
        least_dice=0.85 if dice is None else dice,
        predicted_ef={"LV": 50.0 + error, "RV": 50.0 - 2 * error},
        true_ef={"LV": 50.0, "RV": 50.0},
    )


def cases(groups="abcd", each=8):
    numbered = [(n, groups[n % len(groups)]) for n in range(each * len(groups))]
    return [case(n, g, dice=0.85 + 0.002 * (n % 20), error=(n % 7) - 3.0) for n, g in numbered]


def test_the_estimate_by_hand():
    # One scale of agreement more than the centre and two of open wall: exp(-0.2 + 0.8) times what it lacks.
    assert DICE.estimate({"agreement": 0.95, "open_wall": 0.3}) == pytest.approx(1 - 0.15 * math.exp(0.6))
    assert DICE.estimate({"open_wall": 0.1}) == pytest.approx(0.85)  # what is missing counts as the centre
    assert DICE.estimate({"agreement": -10.0}) == 0.0


def test_the_interval_by_hand():
    assert WIDTH.interval(60.0, 0.96) == pytest.approx((50.0, 70.0))  # 50 times the root of 0.04
    assert WIDTH.interval(60.0, 0.999) == pytest.approx((55.0, 65.0))  # of 0.01 at least
    assert WIDTH.interval(2.0, 0.96) == pytest.approx((0.0, 12.0))


def test_conformal_quantiles_and_limits_by_hand():
    # Of 9 scores, ceil(10 * 0.9) = 9, ceil(10 * 0.8) = 8, ceil(10 * 0.75) = 8; of 4, ceil(5 * 0.9) = 5 > 4.
    scores = [3.0, 1.0, 2.0, 9.0, 8.0, 7.0, 4.0, 5.0, 6.0]
    assert [conformal_quantile(scores, level) for level in (0.9, 0.8, 0.75)] == [9.0, 8.0, 8.0]
    assert conformal_quantile(scores[:4], 0.9) == 9.0
    assert limit_of(scores, 0.2, low=False) == 8.0
    assert limit_of(scores, 0.2, low=True) == 2.0


def test_a_case_is_bad_by_each_of_three_signs():
    good = case(0, "a")
    assert not good.bad
    assert case(0, "a", dice=0.79).bad
    assert QualityCase("p", "a", {}, {}, 0.9, 0.59, {"LV": 50.0}, {"LV": 50.0}).bad
    assert case(0, "a", error=-10.1).bad
    assert not case(0, "a", error=10.0).bad
    assert QualityCase("p", "a", {}, {}, 0.9, 0.9, {"RV": 50.0}, {"LV": 50.0, "RV": 50.0}).bad


def test_the_regression_finds_what_is_linear():
    found = [
        case(n, "a", dice=0.5 - 0.1 * math.log(1 - overlap), overlap=overlap)
        for n, overlap in enumerate(0.9 + 0.001 * k for k in range(60))
    ]
    fitted = fit_dice(found)
    log_lack = math.log(0.07)
    assert fitted.estimate({"log_least_soft_dice_lack": log_lack}) == pytest.approx(
        0.5 - 0.1 * log_lack, abs=0.01
    )
    assert dict(zip(fitted.features, fitted.coefficients, strict=True))["agreement"] == 0.0  # in no case


def test_exact_intervals_by_hand():
    # 0 of 10: 1 - 0.025^(1/10); 10 of 10: 0.025^(1/10).
    assert exact_interval(0, 10) == (0.0, pytest.approx(1 - 0.025**0.1))
    assert exact_interval(10, 10) == (pytest.approx(0.025**0.1), 1.0)
    assert exact_interval(5, 10) == (pytest.approx(0.1871, abs=1e-4), pytest.approx(0.8129, abs=1e-4))


def test_a_case_is_judged_without_its_group():
    # Truth and measures of one group change beyond recognition: what is said of its cases by their measures
    # stays, and what is said of others changes.
    plain = cases()
    poisoned = [
        one
        if one.group != "a"
        else case(i, "a", dice=0.1, error=60.0, overlap=one.measures["least_soft_dice"],
                  open_wall=one.measures["open_wall"])
        for i, one in enumerate(plain)
    ]  # fmt: skip
    before, after = evaluate_unseen(plain), evaluate_unseen(poisoned)
    for old, new in zip(before, after, strict=True):
        same = (old.verdict, old.flags, old.estimated_dice) == (new.verdict, new.flags, new.estimated_dice)
        if old.case.group == "a":
            fitted_to_itself = {"wide_ef_interval"}
            assert set(old.flags) - fitted_to_itself == set(new.flags) - fitted_to_itself
            assert old.estimated_dice == new.estimated_dice
        else:
            assert not same
            assert old.intervals == new.intervals, "they are fitted to the errors of its own model alone"


def test_the_interval_of_a_case_is_fitted_to_the_other_cases_of_its_own_model():
    errors = [*range(1, 21), 90]
    own = [case(n, "a", error=float(error), overlap=0.91) for n, error in enumerate(errors)]
    others = [case(100 + n, group, error=5.0) for n, group in enumerate("bcbcbc")]
    found = evaluate_unseen([*own, *others])[20]
    low, high = found.intervals["LV"]
    width = fit_width(own[:20], "LV")
    assert (low, high) == width.interval(found.case.predicted_ef["LV"], 0.91)
    assert not low <= found.case.true_ef["LV"] <= high
    spoilt = [case(20, "a", error=3.0, overlap=0.5)]
    (of_spoilt,) = evaluate_on([*own, *others], spoilt)
    assert of_spoilt.intervals["LV"] == width.interval(of_spoilt.case.predicted_ef["LV"], 0.5)


def test_limits_of_the_calibration_come_from_estimates_without_the_case():
    plain = cases()
    changed = [case(0, "a", dice=0.2, overlap=0.95), *plain[1:]]
    assert unseen_estimates(plain)[0] == pytest.approx(
        fit_dice([c for c in plain if c.group != "a"]).estimate(plain[0].measures)
    )
    assert unseen_estimates(changed)[4] == unseen_estimates(plain)[4]  # of the same group
    assert unseen_estimates(changed)[1] != unseen_estimates(plain)[1]


def test_a_calibration_takes_two_groups_and_accepts_the_case_that_gave_a_limit():
    with pytest.raises(ValueError, match="two groups"):
        fit_calibration(cases("a"))
    fitted = fit_calibration([case(n, "ab"[n % 2], overlap=0.912345678 + n / 1e3) for n in range(20)])
    assert fitted.limits["low_confidence"] <= 0.912345678
    assert "short_ventricle" not in fitted.limits  # not measured, so not calibrated


def test_the_interval_of_each_ventricle_is_a_rank_of_its_own_errors():
    # The RV's errors are twice the LV's. Of 20 cases the 19th smallest distance from their median counts.
    fitted = fit_calibration([case(n, "ab"[n % 2], error=1.0 + n, overlap=0.91) for n in range(20)])
    lv, rv = (fitted.ejection_fractions[name] for name in ("LV", "RV"))
    assert (lv.centre, rv.centre) == (10.5, -21.0)
    assert lv.multiple == pytest.approx(9.5 / 0.3, rel=1e-4)
    assert rv.multiple == pytest.approx(19.0 / 0.3, rel=1e-4)


def test_the_interval_of_a_bundle_knows_the_errors_of_its_own_networks_alone():
    own = [case(n, "a", error=float(n % 3), overlap=0.91) for n in range(20)]
    others = [case(20 + n, "b", error=40.0, overlap=0.91) for n in range(20)]
    fitted = fit_calibration([*own, *others], own=own)
    assert fitted.ejection_fractions["LV"] == fit_width(own, "LV")
    assert fitted.ejection_fractions["LV"].centre == 1.0


def test_an_interval_is_moved_by_the_usual_error_and_still_holds_the_number_shown():
    width = IntervalWidth(level=0.9, multiple=20.0, centre=-8.0, least_lack=0.01)
    assert width.interval(50.0, 0.99) == pytest.approx((50.0, 60.0))
    assert width.interval(99.0, 0.99) == pytest.approx((99.0, 100.0))


def test_limits_of_an_unsure_model_do_not_excuse_a_sure_one():
    # Two models, of which one typically lacks 0.1 and the other 0.02: the least sure case of the first lacks
    # 1.5 times as much as is typical, so 0.03 of the second, and its limit is an expected overlap of 0.97.
    unsure = [case(n, "ab"[n % 2], overlap=c) for n, c in enumerate((0.9, 0.91, 0.9, 0.89, 0.9, 0.85))]
    typical = {"least_soft_dice": 0.1}
    unsure = [replace(one, typical=typical) for one in unsure]
    assert fit_calibration(unsure, typical=typical).limits["low_confidence"] == pytest.approx(0.85, abs=2e-5)
    of_sure = fit_calibration(unsure, typical={"least_soft_dice": 0.02})
    assert of_sure.limits["low_confidence"] == pytest.approx(0.97, abs=2e-5)
    rows = [line_of(one, model="m", fold="1") for one in unsure]
    assert typical_lacks(rows)["m", "1"] == {"least_soft_dice": pytest.approx(0.1)}


def test_a_verdict_with_a_calibration():
    mask = cine(heart(), heart(0.5))
    indices = clinical_indices(mask, end_diastole=0, end_systole=1)

    def judged(agreement, overlap=0.96, calibration=CALIBRATION, **more):
        evidence = [
            Evidence(None, agreement, (0.95, 0.95, 0.97)),
            Evidence(None, None, (overlap, 0.95, 0.96)),
        ]
        return assess_quality(mask, indices, evidence=evidence, calibration=calibration, **more)

    fine = judged(0.95)
    assert fine.verdict is Verdict.FINE
    assert fine.estimated_dice == pytest.approx(1 - 0.15 * math.exp(-0.2 - 0.4))  # no wall is open
    ef = next(item.value for item in indices.items if item.key == "lv_ef_percent")
    assert fine.ejection_fractions == {
        "LV": EjectionFractionInterval(pytest.approx(ef - 10), pytest.approx(ef + 10), 0.9, BIAS)
    }
    low = judged(0.82, overlap=0.85)
    assert [flag.key for flag in low.flags] == ["low_confidence", "low_estimated_dice"]
    assert low.flags[0].structures == ("RV",)
    assert f"{mask.schema.names[0]} in frame 1" in low.flags[0].reason
    assert (low.verdict, low.flags[1].limit) == (Verdict.REVIEW, 0.87)
    wide = judged(0.95, calibration=CALIBRATION.model_copy(update={"ejection_fractions": WIDE}))
    assert [(flag.key, flag.structures) for flag in wide.flags] == [("wide_ef_interval", ("RV",))]
    assert wide.flags[0].value == pytest.approx(200 * math.sqrt(0.05))
    assert (wide.verdict, wide.ventricles) == (Verdict.REVIEW, {"LV": Verdict.FINE, "RV": Verdict.REVIEW})
    bad = judged(0.6)
    assert (bad.verdict, bad.flags[0].key) == (Verdict.REJECT, "low_estimated_dice")
    other = judged(0.6, unlike=[Flag("unlike_training_images", Verdict.REVIEW, "It is another image.")])
    assert other.verdict is Verdict.REJECT
    assert (other.estimated_dice, other.ejection_fractions) == (None, {})
    alone = assess_quality(cine(heart()), clinical_indices(cine(heart())), calibration=CALIBRATION)
    assert alone.estimated_dice is None


def test_of_a_stack_as_the_calibration_had_none_nothing_is_estimated():
    whole = cine(heart(), heart(0.5))
    mask = replace(
        whole,
        labels=whole.labels[:, 3:6],
        geometry=replace(whole.geometry, shape=(3, *whole.geometry.shape[1:])),
    )
    indices = clinical_indices(mask, end_diastole=0, end_systole=1)
    evidence = [Evidence(None, 0.95, (0.97, 0.97, 0.97))] * 2
    found = assess_quality(mask, indices, evidence=evidence, calibration=CALIBRATION)
    assert "few_slices" in {flag.key for flag in found.flags}
    assert (found.estimated_dice, found.ejection_fractions) == (None, {})


def test_a_calibration_lies_beside_its_networks_and_holds_for_no_others(tmp_path):
    assert load_calibration(tmp_path, ("a", "b")) is None
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / FILE).write_text(CALIBRATION.model_dump_json(), encoding="utf-8")
    assert load_calibration(folder, ("a", "b")) == CALIBRATION
    assert load_calibration(folder, ("a", "c")) is None
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    text = CALIBRATION.model_dump_json().replace('"least_lack":', '"measured_coverage":0.88,"least_lack":')
    assert "measured_coverage" in text
    (earlier / FILE).write_text(text, encoding="utf-8")
    assert load_calibration(earlier, ("a", "b")) == CALIBRATION
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / FILE).write_text("{}", encoding="utf-8")
    with pytest.raises(BundleError, match="expected a calibration"):
        load_calibration(broken, ("a", "b"))


def test_the_shipped_calibration_is_that_of_the_committed_cases():
    bundle = open_bundle("cine")
    rows = read_rows(STUDY / "cases.csv")
    cases, typical = quality_cases(rows), typical_lacks(rows)["cine", "0"]
    shipped = shipped_calibration(cases, own_cases(cases, rows, "cine"), bundle.manifest, typical)
    errors = measured_errors(unseen_pairs(ROOT / "studies", "cine"), rows)
    assert calibration_of(bundle) == shipped.model_copy(update={"errors": errors})
    assert calibration_of(open_bundle("la")) is None


@pytest.mark.parametrize("ventricle", ["LV", "RV"])
def test_the_bias_that_reports_tell_is_that_of_the_table_of_indices(ventricle):
    rows = read_rows(ROOT / "studies" / "indices" / "cine.csv")
    errors = [
        float(row["predicted"]) - float(row["true"])
        for row in rows
        if row["index"] == f"{ventricle.lower()}_ef_percent"
    ]
    bias = calibration_of(open_bundle("cine")).ejection_fractions[ventricle].bias
    found = (bias.mean, bias.sd, bias.patients)
    assert found == pytest.approx((fmean(errors), stdev(errors), len(errors)), abs=0.005)


def test_cases_survive_their_file_and_few_parts_are_parted_by_patient():
    rows = read_rows(STUDY / "cases.csv")
    assert [line_of(case_of(row), **{k: row[k] for k in ("fold", "model")}) for row in rows] == rows
    folds = {row["fold"] for row in rows}
    groups = {one.group for one in quality_cases(rows)}
    assert groups == (folds if len(folds) > 2 else {row["patient"] for row in rows})
    assert all(math.isfinite(v) for one in quality_cases(rows) for v in one.measures.values())


def test_the_tables_judge_a_negative_ejection_fraction_as_a_mask_is_judged():
    one = case(1, "a", error=-60.0, overlap=0.95, stroke_volume_mismatch=0.9)
    assert one.predicted_ef["LV"] < 0
    found = apply_to(one, CALIBRATION)
    assert "LV" not in found.intervals
    assert "stroke_volume_mismatch" not in found.flags
    whole = apply_to(case(1, "a", overlap=0.95, stroke_volume_mismatch=0.9), CALIBRATION)
    assert "LV" in whole.intervals
    assert "stroke_volume_mismatch" in whole.flags
