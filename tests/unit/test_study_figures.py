"""Bland-Altman figures from made-up results."""

import pytest

from septum.core import MissingExtraError
from septum.metrics.agreement import Estimate
from septum_study import figures
from septum_study.pictures import agreement_plot
from support.study_results import result, save, small_study

STUDY = small_study()
PNG = b"\x89PNG\r\n\x1a\n"


def beat(row, fold, patient, structure, predicted, true=100.0):
    return [
        result(row, fold, patient, phase, structure, 0.9, predicted_ml=predicted, true_ml=true)
        for phase in ("ED", "ES")
    ]


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    for fold, shift in ((0, -2.0), (1, 4.0)):
        lines = [
            line
            for i, patient in enumerate("abc")
            for structure in ("LV", "RV")
            for line in beat("reference", fold, patient, structure, 100.0 + shift + i)
        ]
        save(folder, lines)
    return folder


@pytest.fixture
def drawn(monkeypatch):
    """The arguments of every figure drawn."""
    calls = []
    draw = figures.agreement_figure

    def spy(title, panels, **options):
        calls.append((title, panels))
        return draw(title, panels, **options)

    monkeypatch.setattr(figures, "agreement_figure", spy)
    return calls


def test_a_point_is_one_volume_averaged_over_the_models(results, tmp_path, drawn):
    figures.agreement_figures(STUDY, results, tmp_path / "out")
    ((title, ((lv, rv),)),) = drawn
    assert title == "Ventricles"
    assert (lv.title, rv.title) == ("Reference, LV", "Reference, RV")
    assert lv.subtitle == "6 volumes of 3 patients, 2 models"
    # Models say 98 and 104 for patient a: 101, so manual less automatic is -1; b: -2; c: -3.
    assert lv.agreement.difference_ml == pytest.approx((-1, -1, -2, -2, -3, -3))
    assert lv.agreement.bias_ml.value == pytest.approx(-2)
    assert lv.agreement.units == 3
    assert lv.phases == ("ED", "ES") * 3


def test_png_and_svg_are_written_for_figures_that_have_results_and_no_other(results, tmp_path):
    out = tmp_path / "out"
    written = figures.agreement_figures(STUDY, results, out)
    assert written == [out / "figure8.png", out / "figure8.svg"]
    assert sorted(out.iterdir()) == sorted(written)
    assert written[0].read_bytes().startswith(PNG)
    assert "<svg" in written[1].read_text(encoding="utf-8")


def test_the_same_results_give_the_same_files(results, tmp_path):
    one, two = (figures.agreement_figures(STUDY, results, tmp_path / name) for name in ("one", "two"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_lasc_is_said_to_be_cropped_and_a_row_cut_short_is_marked(tmp_path, drawn):
    atria = [result("atrium", 0, p, "", "LA", 0.9, predicted_ml=v) for p, v in (("a", 90.0), ("b", 95.0))]
    save(tmp_path / "results", atria, capped=["segmenter"])
    figures.agreement_figures(STUDY, tmp_path / "results", tmp_path / "out")
    ((title, ((panel,),)),) = drawn
    assert title == "Atrium (images cropped around the atrium)"
    assert panel.title == "Atrium, 32 filters †"
    assert panel.subtitle == "2 volumes, 1 model († preliminary)"


def test_one_patient_is_no_agreement(tmp_path):
    save(tmp_path / "results", beat("reference", 0, "a", "LV", 90.0))
    assert figures.agreement_figures(STUDY, tmp_path / "results", tmp_path / "out") == []


def test_without_matplotlib_the_extra_is_named(results, tmp_path, monkeypatch):
    monkeypatch.setattr(agreement_plot.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r'pip install "septum\[study\]"'):
        figures.agreement_figures(STUDY, results, tmp_path / "out")


def test_values_in_words_have_a_sign_and_no_negative_zero():
    assert agreement_plot._in_words(Estimate(-0.04, -1.26, 1.0)) == "+0.0 [−1.3, +1.0]"
