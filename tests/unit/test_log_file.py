"""What a training says is kept in a file."""

import logging

import pytest

from septum.core import OutputError
from septum.training.log_file import log_into


def test_messages_are_appended_with_their_time_and_nothing_after_the_block(tmp_path):
    file, logger = tmp_path / "run" / "train.log", logging.getLogger("septum.training.loop")
    level = logging.getLogger("septum").level
    for number in (1, 2):
        with log_into(file):
            logger.info("epoch %d", number)
        logger.info("afterwards")
    first, second = file.read_text(encoding="utf-8").splitlines()
    assert (first[19:], second[19:]) == (" epoch 1", " epoch 2")
    assert logging.getLogger("septum").level == level


def test_file_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "run").touch()
    with pytest.raises(OutputError, match=r"train\.log"), log_into(tmp_path / "run" / "train.log"):
        pass


def test_a_run_that_is_refused_before_it_says_anything_leaves_nothing(tmp_path):
    begun = tmp_path / "begun" / "split.json"
    begun.parent.mkdir()
    begun.touch()
    for folder in (tmp_path / "new", begun.parent):
        with pytest.raises(OutputError), log_into(folder / "train.log"):
            raise OutputError
    assert sorted(tmp_path.rglob("*")) == [begun.parent, begun]
