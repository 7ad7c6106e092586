"""Which files are masks of one case, told by their names."""

from pathlib import Path

from septum.workflows.mask_pairs import pair_masks


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_what_may_be_two_cases_is_not_paired(tmp_path):
    predictions = touch(
        tmp_path / "pred",
        "sure_seg.nii.gz",
        "either_seg.nii.gz",  # two truths
        "here/study_seg.nii.gz",  # the same name in a folder of another name
        "deep/er/nested_seg.nii.gz",
    )
    truths = touch(
        tmp_path / "true",
        "sure_gt.nii.gz",
        "a/either_gt.nii.gz",
        "b/either_gt.nii.gz",
        "there/study_gt.nii.gz",
        "er/nested_gt.nii.gz",
    )
    pairing = pair_masks(predictions, truths)
    assert [pair.case for pair in pairing.pairs] == ["sure", "er/nested"]
    assert len(pairing.unpaired) == 2
    assert "2 masks in" in pairing.unpaired[0]
    assert "have no true mask in" in pairing.unpaired[0]
    assert pairing.unpaired[0].endswith(" (either_seg.nii.gz, here/study_seg.nii.gz).")
    assert pairing.unpaired[1].startswith(f"3 masks in {truths} have no prediction in {predictions} (")
    # The other way about: two predictions for one truth.
    back = pair_masks(truths, predictions)
    assert [pair.case for pair in back.pairs] == ["sure", "deep/er/nested"]


def test_many_masks_without_a_partner_are_one_sentence(tmp_path):
    predictions = touch(tmp_path / "pred", "a0_seg.nii.gz")
    truths = touch(tmp_path / "true", *(f"a{k}_gt.nii.gz" for k in range(6)))
    (sentence,) = pair_masks(predictions, truths).unpaired
    told = "a1_gt.nii.gz, a2_gt.nii.gz, a3_gt.nii.gz, ..."
    assert sentence == f"5 masks in {truths} have no prediction in {predictions} ({told})."


def test_the_atrium_of_the_challenge_is_paired_with_its_image_name(tmp_path):
    touch(tmp_path, "pred/x/lgemri_seg.nrrd", "true/x/laendo.nrrd", "true/x/lgemri.nrrd")
    (pair,) = pair_masks(tmp_path / "pred", tmp_path / "true").pairs
    assert (pair.case, pair.truth.name) == ("x/lgemri", "laendo.nrrd")
