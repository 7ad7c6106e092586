"""Which epoch's weights are used, when training ends, and what a step sees."""

import copy
import math
import time

import pytest
import torch
from torch import nn

from septum.core import Geometry, RecipeError
from septum.methods.patches import PatchSampler
from septum.methods.samples import PreparedCase
from septum.methods.settings import StageSettings
from septum.training import loop
from septum.training.loop import Deadline, Fit, Interrupted
from septum.training.objective import Task, stage_task
from septum.training.partition import MONITORED, Partition
from septum.training.validation import Monitoring, Validation, dice_of_structures, mean_of, scoring_of
from support.miniature_training import CPU, Budget, checkpoints


def settings_of(*, epochs=6, **changes):
    """A network with batch normalisation on volumes of 2 x 8 x 8, two steps an epoch."""
    return StageSettings.model_validate(
        {
            "network": {"filters": 2, "keep_z": True},
            "preprocessing": {},
            "patch": {"size": (8, 8)},
            "loss": "bce_dice",
            "optimisation": {
                "learning_rate": 1e-2,
                "batch": 2,
                "steps_per_epoch": 2,
                "epochs": epochs,
                "stacked": True,
            }
            | changes,
        }
    )


def case_of(number, slices=2):
    generator = torch.Generator().manual_seed(number)
    image = torch.randn(slices, 8, 8, generator=generator)
    return PreparedCase(
        f"case{number}", f"p{number}", Geometry((slices, 8, 8), (9, 4, 4)), image, (image > 1).byte()
    )


def sampler_of(settings, *cases):
    return PatchSampler(cases or [case_of(n) for n in range(4)], {}, settings)


class Scores:
    """A measure that gives the scores that it is told to, one an epoch, and keeps the weights that it saw."""

    def __init__(self, *scores):
        self.scores, self.weights = scores, []

    def __call__(self, network, _image, _classes):
        assert not network.training
        self.weights.append(copy.deepcopy(network.state_dict()))
        return {1: self.scores[len(self.weights) - 1]}


def fit_of(folder, settings, measure=None, **options):
    validation = None if measure is None else Validation(sampler_of(settings, case_of(9)), measure)
    task = stage_task(settings)
    return Fit(task, sampler_of(settings), 0, folder, "x", CPU, scoring=validation, **options)


def assert_rounded(network, weights):
    parameters = dict(network.named_parameters())
    for name, value in network.state_dict().items():
        expected = weights[name].half().float() if name in parameters else weights[name]
        assert torch.equal(value, expected), name


def test_weights_of_the_best_epoch_are_used_and_not_the_last(tmp_path):
    measure = Scores(0.1, 0.5, 0.3, 0.5, 0.4, 0.2)
    fit = fit_of(tmp_path, settings_of(), measure)
    network = fit.run(Deadline())
    assert (fit.best.epoch, fit.best.score, fit.epoch, fit.stopped) == (2, 0.5, 6, "epochs")
    assert [entry["validation"] for entry in fit.history] == [0.1, 0.5, 0.3, 0.5, 0.4, 0.2]
    assert not network.training
    assert_rounded(network, measure.weights[1])
    assert any(not torch.equal(measure.weights[1][n], measure.weights[5][n]) for n in measure.weights[1])


@pytest.mark.parametrize(
    ("patience", "scores", "last", "best"),
    [
        (2, (0.1, 0.5, 0.3, 0.4, 0.9), 4, 2),  # two epochs without a rise
        (2, (0.1, 0.5, 0.5, 0.5, 0.9), 4, 2),  # as high is no rise
        (3, (0.5, 0.3, 0.4, 0.6, 0.1, 0.1, 0.1, 0.9), 7, 4),  # a rise begins anew
        (1, (0.0, 0.0, 0.9), 2, 1),  # a first score of nothing is a score
    ],
)
def test_patience_ends_training_at_the_right_epoch(tmp_path, patience, scores, last, best):
    fit = fit_of(tmp_path, settings_of(epochs=20, patience=patience), Scores(*scores))
    fit.run(Deadline())
    assert (fit.epoch, fit.best.epoch, fit.stopped) == (last, best, "patience")


def test_patience_counts_on_after_an_interruption(tmp_path):
    settings, scores = settings_of(epochs=20, patience=2), (0.1, 0.5, 0.3, 0.4, 0.9)
    fits = []
    for epoch in range(4):
        fits.append(fit_of(tmp_path, settings, Scores(*scores[epoch:])))
        if epoch < 3:
            with pytest.raises(Interrupted):
                fits[-1].run(Budget(1))
    network = fits[-1].run(Budget(1))
    assert (fits[-1].epoch, fits[-1].stopped) == (4, "patience")
    assert_rounded(network, fits[1].scoring.measure.weights[0])
    again = fit_of(tmp_path, settings, Scores())
    assert_rounded(again.run(Deadline(at=0)), fits[1].scoring.measure.weights[0])
    assert again.stopped == "patience"


@pytest.fixture
def steps(monkeypatch):
    """Collect the steps that are taken."""
    taken, take = [], PatchSampler.step
    monkeypatch.setattr(PatchSampler, "step", lambda *a: taken.append(1) or take(*a))
    return taken


def assert_goes_on_at_its_scoring(folder, steps, epochs, whole):
    """Take a training up whose last epoch lacks its scoring alone."""
    newest = checkpoints(folder)[-1].name
    assert newest.startswith(f"epoch-{len(whole.history) - epochs:05d}-step-000002-")
    steps.clear()
    again = fit_of(folder, settings_of(epochs=len(whole.history)), Scores(*([0.5] * epochs)))
    network = again.run(Deadline())
    assert len(steps) == 2 * (epochs - 1)
    for name in ("loss", "learning_rate"):
        assert [entry[name] for entry in again.history] == [entry[name] for entry in whole.history]
    weights = whole.network.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())


def test_training_that_is_killed_in_a_long_scoring_is_only_scored_again(tmp_path, monkeypatch, steps):
    whole = fit_of(tmp_path / "whole", settings_of(epochs=3), Scores(0.5, 0.5, 0.5))
    whole.run(Deadline())
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    killed = tmp_path / "killed"
    with pytest.raises(IndexError):  # no score is left for the second epoch
        fit_of(killed, settings_of(epochs=3), Scores(0.5)).run(Deadline())
    assert_goes_on_at_its_scoring(killed, steps, 2, whole)


class ShortOfTime(Deadline):
    """Time for anything that takes less than 0.4 s."""

    def allows(self, seconds):
        return seconds < 0.4


def test_scoring_that_would_end_after_the_deadline_is_left_to_the_next_call(tmp_path, steps):
    whole = fit_of(tmp_path / "whole", settings_of(epochs=3), Scores(0.5, 0.5, 0.5))
    whole.run(Deadline())
    cut, scores = tmp_path / "cut", Scores(0.5, 0.5, 0.5)
    slow = fit_of(cut, settings_of(epochs=3), lambda *a: time.sleep(0.5) or scores(*a))
    with pytest.raises(Interrupted):
        slow.run(ShortOfTime())
    assert len(scores.weights) == 1, "the first has no time before it"
    assert_goes_on_at_its_scoring(cut, steps, 2, whole)


@pytest.mark.parametrize("use", ["validation", "monitoring"])
def test_only_cases_that_are_scored_are_prepared(use):
    settings, prepared = settings_of(), []

    def sampler_of_cases(cases):
        prepared.extend(cases)
        return sampler_of(settings)

    cases = tuple(range(3 * MONITORED))
    scoring = scoring_of(Partition((), **{use: cases}), sampler_of(settings), sampler_of_cases, ())
    chosen = {"validation": (Validation, cases), "monitoring": (Monitoring, cases[::3])}[use]
    assert (type(scoring), tuple(prepared), scoring.unseen) == (*chosen, True)


def test_cap_stops_and_a_later_run_without_it_ends_as_if_it_had_never_been(tmp_path):
    settings = settings_of(epochs=5)
    whole = fit_of(tmp_path / "whole", settings, dice_of_structures)
    expected = whole.run(Deadline()).state_dict()
    capped = fit_of(tmp_path / "capped", settings, dice_of_structures, max_epochs=2)
    capped.run(Deadline())
    assert (capped.epoch, capped.stopped) == (2, "capped")
    assert len(checkpoints(tmp_path / "capped")) == 2
    higher = fit_of(tmp_path / "capped", settings, dice_of_structures, max_epochs=3)
    higher.run(Deadline())
    assert (higher.epoch, higher.stopped) == (3, "capped")
    free = fit_of(tmp_path / "capped", settings, dice_of_structures)
    found = free.run(Deadline()).state_dict()
    assert (free.epoch, free.stopped, free.best.epoch) == (5, "epochs", whole.best.epoch)
    assert all(torch.equal(found[name], value) for name, value in expected.items())


@pytest.mark.parametrize(("cap", "stopped"), [(5, "epochs"), (9, "epochs"), (4, "capped")])
def test_cap_that_is_no_lower_than_the_settings_is_none(tmp_path, cap, stopped):
    fit = fit_of(tmp_path, settings_of(epochs=5), max_epochs=cap)
    fit.run(Deadline())
    assert fit.stopped == stopped


def test_patience_that_ends_with_the_cap_is_patience(tmp_path):
    fit = fit_of(tmp_path, settings_of(epochs=9, patience=1), Scores(0.5, 0.4), max_epochs=2)
    fit.run(Deadline())
    assert fit.stopped == "patience"


def one_step(tmp_path, settings, cases):
    """A training of one epoch, its network before that, and the shapes that this was shown."""
    seen, stage = [], stage_task(settings)

    def objective(network, image, classes):
        seen.append(tuple(image.shape))
        return stage.objective(network, image, classes)

    fit = Fit(Task(stage.build, objective, ""), sampler_of(settings, *cases), 0, tmp_path, "x", CPU)
    before = copy.deepcopy(fit.network)
    fit.run(Deadline())
    return fit, before, seen


@pytest.mark.parametrize("stacked", [True, False])
def test_stacked_batch_is_one_forward_over_the_batch(tmp_path, stacked):
    settings = settings_of(epochs=1, steps_per_epoch=1, batch=3, stacked=stacked)
    cases = [case_of(n) for n in range(3)]
    fit, before, seen = one_step(tmp_path, settings, cases)
    assert seen == ([(3, 1, 2, 8, 8)] if stacked else [(1, 1, 2, 8, 8)] * 3)
    images, classes = (torch.stack([getattr(c, n) for c in cases]) for n in ("image", "classes"))
    reference = before.train()
    loss = stage_task(settings).objective(reference, images[:, None], classes)
    same = math.isclose(fit.history[0]["loss"], float(loss.detach()), rel_tol=1e-5)
    assert same == stacked, "batch normalisation over one case alone is another"
    statistics = {n: v for n, v in reference.state_dict().items() if "running" in n}
    found = fit.network.state_dict()
    close = all(torch.allclose(found[n], v, rtol=1e-4, atol=1e-6) for n, v in statistics.items())
    assert statistics
    assert close == stacked


def test_stacked_batch_has_the_gradient_of_its_mean(tmp_path):
    # Without batch normalisation the cases do not mix: both ways give one gradient.
    gradients = []
    for stacked in (True, False):
        settings = settings_of(epochs=1, steps_per_epoch=1, batch=4, stacked=stacked)
        network = settings.network.model_copy(update={"norm": "instance"})
        settings = settings.model_copy(update={"network": network})
        fit, _, _ = one_step(tmp_path / str(stacked), settings, [case_of(n) for n in range(4)])
        gradients.append(torch.cat([p.grad.flatten() for p in fit.network.parameters()]))
    ours, theirs = gradients
    assert float((ours - theirs).norm() / theirs.norm()) < 1e-2


def test_stacked_batch_of_unequal_sizes_is_refused_in_one_sentence(tmp_path):
    settings = settings_of(epochs=1)
    fit = Fit(
        stage_task(settings), sampler_of(settings, case_of(0), case_of(1, slices=3)), 0, tmp_path, "x", CPU
    )
    with pytest.raises(RecipeError) as refused:
        fit.run(Deadline())
    assert all(part in str(refused.value) for part in ("(2, 8, 8), (3, 8, 8)", "preprocessing.size"))
    assert not checkpoints(tmp_path)


def test_cases_of_unequal_sizes_are_trained_on_one_by_one(tmp_path):
    settings = settings_of(epochs=1, stacked=False)
    _, _, seen = one_step(tmp_path, settings, [case_of(0), case_of(1, slices=3)])
    assert {shape[2] for shape in seen} == {2, 3}


def test_validation_is_the_mean_over_all_cases_and_structures_in_evaluation_mode():
    settings = settings_of()
    scores = {"case1": {1: 1.0, 2: 0.5}, "case2": {}, "case3": {1: 0.0}}
    cases = [case_of(n) for n in (1, 2, 3)]
    names = iter(scores)

    def measure(network, image, classes):
        assert not network.training
        assert (image.shape, classes.shape) == ((1, 1, 2, 8, 8), (1, 2, 8, 8))
        return scores[next(names)]

    validation = Validation(sampler_of(settings, *cases), measure, names=("RV",))
    found = validation.scores(nn.Identity().train(), CPU)
    assert (found, mean_of(found)) == ({1: [1.0, 0.0], 2: [0.5]}, 0.5)
    assert validation.named(found) == {"validation_dice_RV": 0.5, "validation_dice_class_2": 0.5}
    assert Validation(PatchSampler([], {}, settings), measure).scores(nn.Identity(), CPU) == {}
    assert mean_of({}) == 0.0


def test_dice_of_structures_by_hand():
    given = nn.Identity()  # its answer is its image
    given.multiple = (1, 1, 1)
    # Class 1: 2 found, 1 true, 1 common: 2/3. Class 2: 1 found, 2 true, 1 common: 2/3. Class 3: nobody.
    found, true = torch.tensor([1, 1, 2, 0]), torch.tensor([1, 2, 2, 0], dtype=torch.uint8).view(1, 1, 1, 4)
    logits = nn.functional.one_hot(found, 4).T.reshape(1, 4, 1, 1, 4).float()
    assert dice_of_structures(given, logits, true) == pytest.approx({1: 2 / 3, 2: 2 / 3})
    # One channel: the union of the foreground; 2 found, 3 true, 2 common: 4/5.
    one = torch.tensor([1.0, -1.0, 2.0, -3.0]).view(1, 1, 1, 1, 4)
    assert dice_of_structures(given, one, true) == pytest.approx({1: 4 / 5})
    empty = torch.zeros_like(true)
    assert dice_of_structures(given, one.abs().neg(), empty) == {}


def test_training_taken_up_from_a_compact_checkpoint_is_some_ten_steps_behind_and_no_more(
    tmp_path, monkeypatch
):
    # Ten steps, in which the first moment is made anew, are two epochs and a half.
    settings = settings_of(epochs=30, steps_per_epoch=4)
    whole = fit_of(tmp_path / "whole", settings)
    whole.run(Deadline())
    monkeypatch.setattr(loop.checkpoint, "LARGEST", 0)
    with pytest.raises(Interrupted):
        fit_of(tmp_path / "cut", settings).run(Budget(15 * 2))
    cut = fit_of(tmp_path / "cut", settings)
    cut.run(Deadline())
    ours, theirs = ([entry["loss"] for entry in fit.history] for fit in (cut, whole))
    assert ours[:15] == theirs[:15]
    assert theirs[29] < 0.6 * theirs[14], "there was something left to learn"
    for epoch in range(18, 30):
        assert 0.95 * theirs[epoch] < ours[epoch] < 1.02 * theirs[epoch - 3]
