"""From mask files to scores: pairing, grids, phases, schemas, and means with denominators."""

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from septum.core import LEFT_ATRIUM, VENTRICLES, InputError
from septum.workflows.evaluate import evaluate
from septum.workflows.mask_pairs import pair_masks

SPACING_MM = (8.0, 2.0, 1.5)
SHAPE = (6, 64, 72)


def heart(shift: int = 0, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Labels (Z, Y, X): an RV, a myocardium and an LV box, the LV moved by ``shift`` columns."""
    labels = np.zeros(shape, dtype=np.uint8)
    labels[1:5, 20:36, 10:20] = 1
    labels[1:5, 20:40, 24:50] = 2
    labels[1:5, 26:34, 30 + shift : 40 + shift] = 3
    return labels


def write(path: Path, labels: np.ndarray, spacing_mm: tuple[float, float, float] = SPACING_MM) -> Path:
    """Write labels (Z, Y, X) or (T, Z, Y, X) as NIfTI, whose axes are x, y, z, t."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(labels.transpose(), np.diag([*spacing_mm[::-1], 1.0]))
    nib.save(image, path)
    return path


def mean_dice(evaluation, structure: str, phase: str):
    (found,) = [
        s.summary.dice for s in evaluation.summaries if (s.summary.structure, s.phase) == (structure, phase)
    ]
    return found


def test_two_files(tmp_path):
    prediction = write(tmp_path / "mine.nii.gz", heart(shift=2))
    truth = write(tmp_path / "case_gt.nii.gz", heart())
    result = evaluate(prediction, truth)

    assert result.schema == VENTRICLES
    assert (result.unpaired, result.failures, result.notes) == ((), (), ())
    rows = {row["structure"]: row for row in result.to_rows()}
    assert list(rows) == ["RV", "MYO", "LV"]
    assert {row["case"] for row in rows.values()} == {"case"}
    assert {row["phase"] for row in rows.values()} == {"-"}
    # The LV's box of 10 columns is moved by 2: 8 of 10 in common; two columns of 1.5 mm.
    assert rows["LV"]["dice"] == pytest.approx(0.8)
    assert rows["LV"]["hausdorff_mm"] == pytest.approx(3.0)
    assert rows["LV"]["hausdorff_voxels"] == pytest.approx(2.0)
    # 4 x 8 x 10 voxels of 24 mm3.
    assert rows["LV"]["true_ml"] == pytest.approx(320 * 0.024)
    assert rows["RV"]["dice"] == 1.0


def test_folders_are_paired_by_name_and_the_rest_is_reported(tmp_path):
    for folder in ("a", "b"):  # the same names in two folders
        write(tmp_path / "pred" / folder / "study_seg.nii.gz", heart(2 if folder == "a" else 0))
        write(tmp_path / "true" / folder / "study_gt.nii.gz", heart())
    write(tmp_path / "pred" / "flat_mask.nii", heart())  # other folder, unique name
    write(tmp_path / "true" / "c" / "flat_gt.nii.gz", heart())
    write(tmp_path / "pred" / "lonely_seg.nii.gz", heart())
    write(tmp_path / "true" / "c" / "forgotten_gt.nii.gz", heart())
    write(tmp_path / "true" / "c" / "flat.nii.gz", heart())  # stands for the image beside its mask

    result = evaluate(tmp_path / "pred", tmp_path / "true")
    assert [frame.case for frame in result.frames] == ["a/study", "b/study", "c/flat"]
    assert len(result.unpaired) == 2
    assert "lonely_seg.nii.gz has no true mask" in result.unpaired[0]
    assert "forgotten_gt.nii.gz has no prediction" in result.unpaired[1]
    assert mean_dice(result, "LV", "-").mean == pytest.approx((0.8 + 1 + 1) / 3)
    assert mean_dice(result, "all", "all").n == 9


def test_truth_may_bear_the_plain_name(tmp_path):
    write(tmp_path / "pred" / "one_seg.nii.gz", heart())
    write(tmp_path / "true" / "one.nii.gz", heart())
    assert [pair.case for pair in pair_masks(tmp_path / "pred", tmp_path / "true").pairs] == ["one"]


def test_two_masks_of_one_case_are_reported_and_not_scored(tmp_path):
    for name in ("one_seg", "one_mask", "two_seg"):
        write(tmp_path / "pred" / f"{name}.nii.gz", heart())
    for name in ("one_gt", "two_gt"):
        write(tmp_path / "true" / f"{name}.nii.gz", heart())
    result = evaluate(tmp_path / "pred", tmp_path / "true")
    assert [frame.case for frame in result.frames] == ["two"]
    assert "one_mask.nii.gz and" in result.unpaired[0]
    assert "one_gt.nii.gz has no prediction" in result.unpaired[1]


def test_names_of_acdc_give_the_phase(tmp_path):
    for number, shift in ((1, 0), (12, 5)):
        write(tmp_path / "pred" / f"patient101_frame{number:02}_seg.nii.gz", heart(shift))
        write(tmp_path / "true" / "patient101" / f"patient101_frame{number:02}_gt.nii.gz", heart())
    (tmp_path / "true" / "patient101" / "Info.cfg").write_text("ED: 1\nES: 12\nGroup: NOR\n")
    result = evaluate(tmp_path / "pred", tmp_path / "true")
    assert [frame.phase for frame in result.frames] == ["ED", "ES"]
    assert result.notes == ()
    assert mean_dice(result, "LV", "ED").mean == 1.0
    assert mean_dice(result, "LV", "ES").mean == pytest.approx(0.5)
    assert mean_dice(result, "LV", "all").mean == pytest.approx(0.75)
    assert [(s.summary.structure, s.phase) for s in result.summaries[:3]] == [
        ("RV", "ED"),
        ("RV", "ES"),
        ("MYO", "ED"),
    ]


def test_a_missing_info_file_is_noted_once(tmp_path):
    for number in (1, 12):
        write(tmp_path / "pred" / f"patient101_frame{number:02}_seg.nii.gz", heart())
        write(tmp_path / "true" / f"patient101_frame{number:02}_gt.nii.gz", heart())
    result = evaluate(tmp_path / "pred", tmp_path / "true")
    assert [frame.phase for frame in result.frames] == ["-", "-"]
    (note,) = result.notes
    assert note.key == "phases_unknown"


def test_each_frame_of_a_cine_is_scored(tmp_path):
    truth = np.stack([heart()] * 11)
    predicted = np.stack([heart(shift=t % 2) for t in range(11)])
    result = evaluate(write(tmp_path / "p_seg.nii.gz", predicted), write(tmp_path / "t_gt.nii.gz", truth))
    assert [frame.phase for frame in result.frames] == [str(t) for t in range(11)]
    of_lv = [s for s in result.summaries if s.summary.structure == "LV"]
    assert [s.phase for s in of_lv] == [*(str(t) for t in range(11)), "all"]
    assert mean_dice(result, "LV", "10").mean == 1.0
    assert mean_dice(result, "LV", "3").mean == pytest.approx(0.9)


def test_an_atrium_of_255_is_scored_against_one_of_1(tmp_path):
    atrium = np.where(heart() == 3, 255, 0).astype(np.uint8)
    prediction = write(tmp_path / "a_seg.nii.gz", np.where(atrium, 1, 0).astype(np.uint8))
    result = evaluate(prediction, write(tmp_path / "laendo.nii.gz", atrium))
    assert result.schema == LEFT_ATRIUM
    assert [row["dice"] for row in result.to_rows()] == [1.0]


def test_missed_structures_are_counted_beside_their_denominators(tmp_path):
    without_rv = np.where(heart() == 1, 0, heart()).astype(np.uint8)
    for name, predicted, true in (
        ("found", heart(), heart()),
        ("missed", without_rv, heart()),
        ("absent", without_rv, without_rv),
    ):
        write(tmp_path / "pred" / f"{name}.nii.gz", predicted)
        write(tmp_path / "true" / f"{name}.nii.gz", true)
    rows = evaluate(tmp_path / "pred", tmp_path / "true").summary_rows()
    rv = next(row for row in rows if row["structure"] == "RV")
    assert (rv["dice_mean"], rv["dice_n"], rv["missed"], rv["not_scored"]) == (0.5, 2, 1, 1)
    assert (rv["hausdorff_mm_mean"], rv["hausdorff_mm_n"]) == (0.0, 1)
    diagonal_mm = np.linalg.norm(np.multiply(SHAPE, SPACING_MM))
    assert rv["penalised_hausdorff_mm_mean"] == pytest.approx(diagonal_mm / 2)
    assert rv["penalised_hausdorff_mm_n"] == 2


def test_rows_can_be_written_as_json(tmp_path):
    result = evaluate(write(tmp_path / "p.nii.gz", heart(3)), write(tmp_path / "t.nii.gz", heart()))
    for rows in (result.to_rows(), result.summary_rows()):
        assert json.loads(json.dumps(rows)) == rows


def test_another_grid_is_refused_with_both_names(tmp_path):
    truth = write(tmp_path / "t_gt.nii.gz", heart())
    smaller = write(tmp_path / "smaller.nii.gz", heart()[:5])
    with pytest.raises(InputError, match=r"smaller\.nii\.gz has the shape .*t_gt\.nii\.gz has"):
        evaluate(smaller, truth)
    wider = write(tmp_path / "wider.nii.gz", heart(), (8.0, 2.0, 1.502))
    with pytest.raises(InputError, match=r"wider\.nii\.gz has the spacing .*1\.502.*t_gt\.nii\.gz has"):
        evaluate(wider, truth)
    rounded = write(tmp_path / "rounded.nii.gz", heart(), (8.0, 2.0, 1.5002))
    assert evaluate(rounded, truth).failures == ()


def test_one_bad_pair_of_a_folder_does_not_stop_the_rest(tmp_path):
    write(tmp_path / "pred" / "good.nii.gz", heart())
    write(tmp_path / "true" / "good.nii.gz", heart())
    write(tmp_path / "pred" / "bad.nii.gz", heart()[:5])
    write(tmp_path / "true" / "bad.nii.gz", heart())
    (tmp_path / "pred" / "ugly.nii.gz").write_text("not a mask")
    write(tmp_path / "true" / "ugly.nii.gz", heart())
    result = evaluate(tmp_path / "pred", tmp_path / "true")
    assert [frame.case for frame in result.frames] == ["good"]
    assert len(result.failures) == 2
    assert "bad.nii.gz has the shape" in result.failures[0]
    assert "ugly.nii.gz" in result.failures[1]


def test_axes_that_run_otherwise_are_noted(tmp_path):
    truth = write(tmp_path / "t_gt.nii.gz", heart())
    flipped = tmp_path / "flipped.nii.gz"
    nib.save(nib.Nifti1Image(heart().transpose(), np.diag([-1.5, 2.0, 8.0, 1.0])), flipped)
    result = evaluate(flipped, truth)
    assert len(result.notes) == 1
    assert result.notes[0].key == "directions_differ"


#: Axes that run askew in the patient, X to Z in RAS, one a column, and a place away from its origin.
ASKEW = np.array([[0.6, 0.8, 0, -40], [-0.8, 0.6, 0, 25], [0, 0, 1, 70], [0, 0, 0, 1]]) @ np.diag(
    [1.5, 2, 8, 1]
)


def save(path: Path, image: nib.Nifti1Image) -> Path:
    nib.save(image, path)
    return path


@pytest.mark.parametrize("codes", ["LPS", "SRA", "AIL", "PSR"])
def test_other_orders_of_the_axes_of_one_space_are_brought_together(tmp_path, codes):
    truth = save(tmp_path / "t_gt.nii.gz", nib.Nifti1Image(heart().transpose(), ASKEW))
    mine = nib.Nifti1Image(heart(shift=2).transpose(), ASKEW)
    turn = nib.orientations.ornt_transform(
        nib.orientations.io_orientation(ASKEW), nib.orientations.axcodes2ornt(codes)
    )
    result = evaluate(save(tmp_path / "p.nii.gz", mine.as_reoriented(turn)), truth)
    assert {row["structure"]: row["dice"] for row in result.to_rows()}["LV"] == pytest.approx(0.8)


@pytest.mark.parametrize(("moved_mm", "refused"), [(0.4, False), (3.0, False), (200.0, True)])
def test_masks_of_another_place_are_refused(tmp_path, moved_mm, refused):
    elsewhere = ASKEW.copy()
    elsewhere[:3, 3] += moved_mm
    truth = save(tmp_path / "t_gt.nii.gz", nib.Nifti1Image(heart().transpose(), ASKEW))
    mine = save(tmp_path / "p.nii.gz", nib.Nifti1Image(heart().transpose(), elsewhere))
    if refused:
        with pytest.raises(InputError, match=r"346\.4 mm apart"):
            evaluate(mine, truth)
    else:
        result = evaluate(mine, truth)
        assert {row["dice"] for row in result.to_rows()} == {1.0}
        assert bool(result.notes) is (moved_mm > 1.0)


def test_a_mask_that_has_lost_its_place_is_compared_as_it_stands(tmp_path):
    truth = save(
        tmp_path / "t_gt.nii.gz", nib.Nifti1Image(heart().transpose(), np.diag([-1.5, -2.0, 8.0, 1.0]))
    )
    moved = np.diag([-1.5, -2.0, 8.0, 1.0])
    moved[:3, 3] = 200.0
    result = evaluate(save(tmp_path / "p.nii.gz", nib.Nifti1Image(heart().transpose(), moved)), truth)
    assert {row["dice"] for row in result.to_rows()} == {1.0}
    assert len(result.notes) == 1


def test_values_outside_the_schema_are_refused(tmp_path):
    odd = heart()
    odd[0, 0, 0] = 4
    with pytest.raises(InputError, match=r"odd\.nii\.gz holds the values 4, but only 0 and 1, 2, 3"):
        evaluate(write(tmp_path / "odd.nii.gz", odd), write(tmp_path / "t.nii.gz", heart()), VENTRICLES)


def test_an_image_in_place_of_a_mask_is_called_one(tmp_path):
    image = write(tmp_path / "image.nii.gz", np.arange(heart().size, dtype=np.int16).reshape(SHAPE) % 500)
    truth = write(tmp_path / "t.nii.gz", heart())
    for schema in (None, VENTRICLES):
        with pytest.raises(InputError) as refusal:
            evaluate(image, truth, schema)
        assert "image.nii.gz looks like an image, not a mask" in str(refusal.value)
        assert "1, 2, 3, 4, 5, 6, 7, 8, ..., but" in str(refusal.value)


def test_a_lone_1_is_the_atrium_with_a_word_and_the_ventricle_on_request(tmp_path):
    one = np.where(heart() == 1, 1, 0).astype(np.uint8)
    pair = write(tmp_path / "p.nii.gz", one), write(tmp_path / "t.nii.gz", one)
    guessed = evaluate(*pair)
    assert guessed.schema == LEFT_ATRIUM
    (note,) = guessed.notes
    assert note.key == "structure_doubtful"
    told = evaluate(*pair, VENTRICLES)
    assert (told.schema, told.notes) == (VENTRICLES, ())
    assert [row["dice"] for row in told.to_rows()] == [1.0, None, None]


def test_paths_that_cannot_be_compared_are_refused(tmp_path):
    mask = write(tmp_path / "pred" / "one.nii.gz", heart())
    write(tmp_path / "true" / "two.nii.gz", heart())
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="does not exist"):
        evaluate(tmp_path / "nowhere", tmp_path / "true")
    with pytest.raises(InputError, match="two files or two folders"):
        evaluate(mask, tmp_path / "true")
    with pytest.raises(InputError, match="as prediction and as truth"):
        evaluate(tmp_path / "true", tmp_path / "true")
    with pytest.raises(InputError, match="holds no mask"):
        evaluate(tmp_path / "empty", tmp_path / "true")
    with pytest.raises(InputError, match="has the name of a mask in"):
        evaluate(tmp_path / "pred", tmp_path / "true")


def test_real_frames_have_their_phase_and_their_true_spacing(tmp_path, data_folder):
    truth = data_folder / "acdc" / "training" / "patient001"
    for path in truth.glob("*_gt.nii.gz"):
        shutil.copy(path, tmp_path / path.name.replace("_gt", "_seg"))
    result = evaluate(tmp_path, truth)
    assert sorted(frame.phase for frame in result.frames) == ["ED", "ES"]
    assert {row["dice"] for row in result.to_rows()} == {1.0}
    # The affine of these files is unit-scaled; the volume must come from pixdim.
    image = nib.load(truth / "patient001_frame01_gt.nii.gz")
    true_ml = np.count_nonzero(np.asarray(image.dataobj) == 3) * np.prod(image.header.get_zooms()) / 1000
    (lv,) = [r for r in result.to_rows() if (r["phase"], r["structure"]) == ("ED", "LV")]
    assert lv["true_ml"] == pytest.approx(true_ml)
    assert lv["true_ml"] > 50


def beat(shifts: tuple[int, ...] = (0, 2, 4, 2)) -> np.ndarray:
    """A cine (T, Z, Y, X) whose LV loses as many columns as each number says."""
    cine = np.stack([heart() for _ in shifts])
    for t, lost in enumerate(shifts):
        cine[t, 1:5, 26:34, 30 : 30 + lost] = 2
    return cine


@pytest.mark.parametrize("names", [("ED", "ES"), ("frame01", "frame03")])
def test_truths_of_two_frames_are_compared_with_the_cine(tmp_path, names):
    write(tmp_path / "pred" / "p1_4d_seg.nii.gz", beat((0, 2, 6, 2)))
    for t, name in zip((0, 2), names, strict=True):
        write(tmp_path / "true" / f"p1_{name}_gt.nii.gz", beat()[t])
    result = evaluate(tmp_path / "pred", tmp_path / "true")
    assert (result.unpaired, result.failures) == ((), ())
    assert {note.key for note in result.notes} == {"frame_by_name"}
    values = {pair.key: (pair.predicted, pair.true) for pair in result.indices}
    if names == ("ED", "ES"):
        assert [frame.phase for frame in result.frames] == ["ED", "ES"]
        # The LV has 10 columns at first; 6 of 10 are left in the truth at end-systole, 4 in the prediction.
        assert values["lv_ef_percent"] == pytest.approx((60.0, 40.0))
        (ef,) = [entry for entry in result.agreement if entry.key == "lv_ef_percent"]
        assert (ef.n, ef.bias, ef.lower) == (1, pytest.approx(20.0), None)
    else:
        assert {row["phase"] for row in result.to_rows()} == {"-"}


def test_frames_of_acdc_without_info_are_named_by_the_true_ventricle(tmp_path):
    write(tmp_path / "pred" / "patient007_4d_seg.nii.gz", beat())
    for t in (0, 2):
        write(tmp_path / "true" / f"patient007_frame{t + 1:02}_gt.nii.gz", beat()[t])
    result = evaluate(tmp_path / "pred", tmp_path / "true")
    assert [(frame.case, frame.phase) for frame in result.frames] == [
        ("patient007_frame01", "ED"),
        ("patient007_frame03", "ES"),
    ]
    assert {pair.key: pair.true for pair in result.indices}["lv_ef_percent"] == pytest.approx(40.0)


@pytest.mark.parametrize("info", [None, "ED: 12\nES: 4\n"])
def test_a_mask_of_the_two_phases_is_compared_with_frames_of_acdc(tmp_path, info):
    ed, es = beat()[0], beat()[2]
    write(tmp_path / "pred" / "patient007_seg.nii.gz", np.stack([ed, es]))
    for name, labels in (("frame12", ed), ("frame04", es)):
        write(tmp_path / "true" / "patient007" / f"patient007_{name}_gt.nii.gz", labels)
    if info is not None:
        (tmp_path / "true" / "patient007" / "Info.cfg").write_text(info)
    result = evaluate(tmp_path / "pred", tmp_path / "true")
    assert (result.unpaired, result.failures) == ((), ())
    assert {(frame.case.split("_")[-1], frame.phase) for frame in result.frames} == {
        ("frame12", "ED"), ("frame04", "ES"),
    }  # fmt: skip
    assert {row["dice"] for row in result.to_rows()} == {1.0}
    assert {pair.key: pair.predicted for pair in result.indices}["lv_ef_percent"] == pytest.approx(40.0)


def test_one_predicted_frame_is_compared_with_a_true_cine(tmp_path):
    prediction = write(tmp_path / "p1_frame03_seg.nii.gz", beat()[2])
    result = evaluate(prediction, write(tmp_path / "p1_gt.nii.gz", beat()))
    assert {row["dice"] for row in result.to_rows()} == {1.0}


def test_a_single_frame_that_says_not_which_is_refused(tmp_path):
    with pytest.raises(InputError, match="frame01 to frame04"):
        evaluate(write(tmp_path / "p.nii.gz", beat()), write(tmp_path / "t.nii.gz", beat()[0]))


def test_frames_that_nobody_drew_are_no_misses(tmp_path):
    truth = beat()
    truth[[1, 3]] = 0
    result = evaluate(write(tmp_path / "p.nii.gz", beat()), write(tmp_path / "t.nii.gz", truth))
    assert [frame.phase for frame in result.frames] == ["ED", "ES"]
    assert {row["missed"] for row in result.to_rows()} == {False}
    assert [note.key for note in result.notes] == ["frames_not_drawn"]


def test_exchanged_ventricles_are_told(tmp_path):
    other = heart()
    other[heart() == 1], other[heart() == 3] = 3, 1
    result = evaluate(write(tmp_path / "p.nii.gz", other), write(tmp_path / "t.nii.gz", heart()))
    assert [note.key for note in result.notes] == ["ventricles_exchanged"]


def test_agreement_over_patients_by_hand(tmp_path):
    for name, lost in (("a", 0), ("b", 2), ("c", 4)):
        mine = heart()
        mine[1:5, 26:34, 30 : 30 + lost] = 2
        write(tmp_path / "pred" / f"{name}_seg.nii.gz", mine)
        write(tmp_path / "true" / f"{name}_gt.nii.gz", heart())
    (lv,) = [e for e in evaluate(tmp_path / "pred", tmp_path / "true").agreement if e.key == "lv_volume_ml"]
    column = 4 * 8 * 0.024  # ml
    assert (lv.n, lv.true_mean) == (3, pytest.approx(10 * column))
    assert lv.bias == pytest.approx(-2 * column)
    assert lv.upper == pytest.approx((-2 + 1.96 * 2) * column), "the SD of 0, -2 and -4 is 2"
    assert lv.bias_low < lv.bias < lv.bias_high


def test_the_page_has_a_plot_for_each_index_and_replaces_nothing_else(tmp_path, septum):
    for name in "ab":
        write(tmp_path / "pred" / f"{name}_seg.nii.gz", heart(2))
        write(tmp_path / "true" / f"{name}_gt.nii.gz", heart())
    page = tmp_path / "page.html"
    command = ("evaluate", tmp_path / "pred", tmp_path / "true", "--report", page)
    assert septum(*command).code == 0
    text = page.read_text()
    assert text.count("<svg") == 3
    assert text.count("<circle") == 6
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert septum(*command).code == 0, "its own page"
    page.write_text("the user's")
    assert septum(*command).code == 4
    assert page.read_text() == "the user's"
