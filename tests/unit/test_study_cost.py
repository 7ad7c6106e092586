"""What training takes: operations against sums by hand, what rows share, and the time that comes of it."""

from dataclasses import replace

import pytest
import torch

from septum.methods.mask_rcnn_settings import MaskRCNNSettings
from septum.networks import NetworkSettings
from septum.networks.box_detector import BoxDetectorSettings
from septum.networks.deeply_supervised import DeeplySupervisedSettings
from septum_study import estimate as estimating
from septum_study.bench import device_name, recipe_of
from septum_study.cost import CaseNumbers, case_flop, cost_of, forward_flop
from septum_study.declaration import load_study
from septum_study.estimate import CASE_SECONDS, Rate, case_numbers, estimate, measured_rate
from septum_study.ledger import Unit
from septum_study.plan import State
from support.study_plan import CPU, entry_of, standing_of, study_of

CASES = {"acdc": CaseNumbers(validation=32, test=40), "lasc": CaseNumbers(validation=13, test=16)}


@pytest.fixture(scope="module")
def paper():
    study = load_study("paper")
    return lambda key: cost_of(recipe_of(study, key), CASES)


def names(parts):
    return [part.name for part in parts]


def keys(parts):
    return {part.name: part.key for part in parts}


def test_vnet_without_keep_z_has_the_operations_counted_by_hand(paper):
    # Multiplications a voxel of the image, 32 filters; a level below has an eighth of the voxels.
    encoder = (
        125 * 32
        + (8 * 32 * 64 + 2 * 125 * 64**2) / 8
        + (8 * 64 * 128 + 3 * 125 * 128**2) / 64
        + (8 * 128 * 256 + 3 * 125 * 256**2) / 512
    )
    decoder = (
        (8 * 256 * 128 / 8 + 3 * 125 * 256**2) / 64
        + (8 * 256 * 64 / 8 + 2 * 125 * 128**2) / 8
        + (8 * 128 * 32 / 8 + 125 * 64**2)
    )
    head = 64 * 4
    (segmenter,) = paper("acdc-vnet")
    assert segmenter.forward_flop == 2 * 16 * 256 * 256 * (encoder + decoder + head)


def test_dr_unet_with_keep_z_has_the_operations_counted_by_hand():
    # f = 1; a level below has a quarter of the voxels. An encoder block joins its input to its output, so
    # that 2, 4 and 8 channels are skips and go down; the decoder's come from below, up, and the skip.
    encoder = 27 * ((1 + 1) + (2 * 2 + 2 * 2) / 4 + (4 * 4 + 4 * 4) / 16)
    bottleneck = 27 * 4 * 8 * 8 / 64
    decoder = 27 * (
        (8 * 4 + (4 + 8) * 4 + 4 * 4) / 16 + (4 * 2 + (2 + 4) * 2 + 2 * 2) / 4 + (2 + (1 + 2) + 1)
    )
    counted = forward_flop(NetworkSettings(filters=1, keep_z=True), (4, 16, 16))
    assert counted == 2 * 4 * 16 * 16 * (encoder + bottleneck + decoder + 1)


def test_whole_volume_rows_of_acdc_take_18_tera_flop_a_sample_and_vnet_two_thirds_of_it(paper):
    plain = ("acdc-unet3d", "acdc-vnet", "acdc-dr-unet", "acdc-end-to-end")
    flop = {key: paper(key)[0].forward_flop for row in plain for key in (row, f"{row}-keep-z")}
    assert sum(flop.values()) == pytest.approx(18.05e12, rel=1e-3)
    vnet = flop["acdc-vnet"] + flop["acdc-vnet-keep-z"]
    assert vnet / sum(flop.values()) == pytest.approx(0.675, abs=1e-3)


def test_end_to_end_is_the_segmenter_and_the_coarse_network_on_its_grid(paper):
    (both,), (fine,) = paper("acdc-end-to-end"), paper("acdc-dr-unet")
    coarse = forward_flop(NetworkSettings(filters=8), (16, 128, 128))
    assert both.forward_flop == fine.forward_flop + coarse


def test_every_pass_of_the_refined_network_counts():
    network = NetworkSettings(architecture="unet3d", in_channels=2, filters=4)
    settings = [DeeplySupervisedSettings(network=network, passes=passes) for passes in (1, 3)]
    once, thrice = (forward_flop(one, (8, 16, 16)) for one in settings)
    assert thrice == 3 * once > 0


def test_a_box_detector_has_the_operations_counted_by_hand():
    # f = 1; two 3 x 3 x 3 convolutions a level, an eighth of the voxels below, and from the second on two
    # heat maps.
    convolutions = 27 * ((1 + 1) + (2 + 4) / 8 + (8 + 16) / 64 + (32 + 64) / 512)
    heat = 2 * (2 / 8 + 4 / 64 + 8 / 512)
    assert forward_flop(BoxDetectorSettings(filters=1), (8, 16, 16)) == 2 * 2048 * (convolutions + heat)


def test_mask_rcnn_counts_slice_by_slice_without_being_installed(paper):
    (segmenter,) = paper("acdc-mask-rcnn")
    a_slice = 24.58e9 + MaskRCNNSettings().proposals_per_slice * (27.83e6 + 1.029e9 / 4)
    assert segmenter.forward_flop == pytest.approx(16 * a_slice)


def test_a_volume_is_padded_to_what_the_network_needs():
    settings = NetworkSettings(filters=1)
    assert forward_flop(settings, (7, 9, 16)) == forward_flop(settings, (8, 16, 16))


def test_an_epoch_is_three_passes_for_a_sample_that_trains_and_one_for_a_case_that_validates(paper):
    (segmenter,) = paper("acdc-unet3d")
    assert (segmenter.samples, segmenter.validation_samples, segmenter.epochs) == (128, 32, 300)
    assert segmenter.epoch_flop == segmenter.forward_flop * (3 * 128 + 32)


def test_localisers_of_folds_validate_nothing_and_have_their_own_epochs(paper):
    parts = {part.name: part for part in paper("acdc-multi-stage")}
    assert list(parts) == [
        "localiser/fold0",
        "localiser/fold1",
        "localiser/fold2",
        "localiser/final",
        "segmenter",
    ]
    assert (parts["localiser/fold0"].epochs, parts["localiser/fold0"].validation_samples) == (60, 0)
    assert (parts["localiser/final"].epochs, parts["localiser/final"].validation_samples) == (300, 32)
    assert len({part.key for part in parts.values()}) == 5


def test_a_test_case_goes_through_the_final_localiser_and_the_segmenter(paper):
    parts = {part.name: part for part in paper("lasc-yang-full")}
    expected = parts["localiser/final"].forward_flop + parts["segmenter"].forward_flop
    assert case_flop(parts.values()) == expected


def test_rows_that_differ_at_test_alone_share_all_networks(paper):
    trained = keys(paper("acdc-multi-stage-keep-z"))
    for row in (
        "acdc-localisation-decoder2",
        "acdc-localisation-soft-argmax",
        "acdc-multi-stage-keep-z-oracle",
    ):
        assert keys(paper(row)) == trained


def test_rows_that_differ_in_the_segmenter_share_localisers_alone(paper):
    eight, sixteen = keys(paper("lasc-multi-stage")), keys(paper("lasc-multi-stage-16"))
    assert {name for name in eight if eight[name] == sixteen[name]} == set(eight) - {"segmenter"}
    plain, refined = keys(paper("lasc-yang")), keys(paper("lasc-yang-full"))
    assert {name for name in plain if plain[name] == refined[name]} == set(plain) - {"segmenter"}


def test_rows_that_differ_in_keep_z_or_fusion_share_nothing(paper):
    assert not set(keys(paper("acdc-multi-stage")).values()) & set(
        keys(paper("acdc-multi-stage-keep-z")).values()
    )
    fusions = [keys(paper(f"acdc-end-to-end-keep-z{end}"))["segmenter"] for end in ("", "-concat", "-add")]
    assert len(set(fusions)) == 3


def test_transfer_is_trained_on_the_other_data_set(paper):
    transfer = next(part for part in paper("lasc-yang-full") if part.name == "transfer/acdc")
    assert (transfer.samples, transfer.validation_samples) == (128, 32)


def test_cases_are_those_of_the_published_split():
    assert case_numbers(load_study("paper")) == {"acdc": CaseNumbers(32, 40), "lasc": CaseNumbers(13, 16)}


def test_cases_of_a_drawn_split_come_from_the_number_of_patients():
    study = study_of("acdc-unet3d", split={"test": 2, "folds": 2, "seed": 0})
    assert case_numbers(study, patients=7) == {"acdc": CaseNumbers(6, 4), "lasc": CaseNumbers(3, 2)}


@pytest.fixture
def slow(monkeypatch):
    """A device that does 1 TFLOP a second where nothing is known of it."""
    monkeypatch.setattr(estimating, "measured_rate", lambda device: Rate(1e12, str(device), "measured"))


def minutes(part, epochs):
    return epochs * part.epoch_flop / 1e12 / 60


def scoring(parts):
    return 40 * (case_flop(parts) / 1e12 + CASE_SECONDS) / 60


def left(study, found):
    return estimate(study, found, CASES, CPU).minutes


@pytest.mark.usefixtures("slow")
def test_minutes_are_those_of_all_epochs_and_of_the_test_cases(paper):
    study = study_of("acdc-unet3d")
    parts = paper("acdc-unet3d")
    found = [standing_of("acdc-unet3d", 0, State.LEFT)]
    expected = minutes(parts[0], 300) + scoring(parts)
    assert left(study, found) == {Unit("acdc-unet3d", 0): pytest.approx(expected)}


@pytest.mark.usefixtures("slow")
def test_shared_networks_count_with_the_first_unit_of_the_fold_that_is_run(paper):
    rows = ("acdc-multi-stage-keep-z", "acdc-localisation-decoder2")
    parts = paper(rows[0])
    found = [standing_of(row, fold, State.LEFT) for fold in (0, 1) for row in rows]
    whole = sum(minutes(part, part.epochs) for part in parts)
    for unit, value in left(study_of(*rows), found).items():
        trains = whole if unit.row == rows[0] else 0
        assert value == pytest.approx(trains + scoring(parts)), unit


@pytest.mark.usefixtures("slow")
def test_networks_of_a_finished_unit_cost_nothing_more(paper):
    rows = ("acdc-multi-stage-keep-z", "acdc-localisation-decoder2")
    parts = paper(rows[0])
    entry = entry_of(rows[0], {part.name: (50, "patience") for part in parts})
    found = [standing_of(rows[0], 0, State.DONE, entry), standing_of(rows[1], 0, State.LEFT)]
    assert left(study_of(*rows), found) == {Unit(rows[1], 0): pytest.approx(scoring(parts))}


@pytest.mark.usefixtures("slow")
def test_a_preliminary_unit_has_the_rest_of_its_epochs_left(paper):
    parts = paper("acdc-unet3d")
    entry = entry_of("acdc-unet3d", {"segmenter": (20, "capped")})
    found = [standing_of("acdc-unet3d", 0, State.PRELIMINARY, entry)]
    (value,) = left(study_of("acdc-unet3d"), found).values()
    assert value == pytest.approx(minutes(parts[0], 280) + scoring(parts))


@pytest.mark.usefixtures("slow")
def test_a_stale_entry_saves_nothing_and_what_cannot_run_has_no_time(paper):
    rows = ("acdc-unet3d", "acdc-mask-rcnn")
    parts = paper(rows[0])
    stale = entry_of(rows[0], {"segmenter": (20, "patience")})
    found = [
        standing_of(rows[0], 0, State.STALE, stale),
        replace(standing_of(rows[1], 0, State.UNAVAILABLE), remark="not installed"),
    ]
    assert left(study_of(*rows), found) == {
        Unit(rows[0], 0): pytest.approx(minutes(parts[0], 300) + scoring(parts))
    }


def test_the_rate_is_that_of_the_ledgers_networks_on_this_device(paper):
    rows = ("acdc-multi-stage-keep-z", "acdc-localisation-decoder2", "acdc-unet3d", "acdc-dr-unet")
    here, elsewhere = device_name(CPU), "another device"
    parts = {row: paper(row) for row in rows}
    epochs = {part.name: (10, "patience") for part in parts[rows[0]]}
    found = [
        standing_of(rows[0], 0, State.DONE, entry_of(rows[0], epochs, device=here, seconds=100.0)),
        standing_of(rows[1], 0, State.DONE, entry_of(rows[1], epochs, device=here, seconds=100.0)),
        standing_of(
            rows[2], 0, State.DONE, entry_of(rows[2], {"segmenter": (1, "epochs")}, device=elsewhere)
        ),
        standing_of(rows[3], 0, State.LEFT),
    ]
    rate = estimate(study_of(*rows), found, CASES, CPU).rate
    flop = sum(10 * part.epoch_flop for part in parts[rows[0]])
    assert rate.flop_per_second == pytest.approx(flop / 500), "five networks, taken over by the second row"
    assert (rate.device, rate.source) == (here, "from the 5 networks that it has trained")


def test_the_rate_is_measured_where_the_ledger_knows_nothing(monkeypatch):
    monkeypatch.setattr(estimating, "MEASURED_SECONDS", 0.01)
    rate = measured_rate(torch.device("cpu"))
    assert 1e6 < rate.flop_per_second < 1e15
    assert rate.source == "measured on a small network"
