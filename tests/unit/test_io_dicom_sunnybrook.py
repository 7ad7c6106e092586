"""Real images of a de-identified archive: identifiers rewritten one by one, and stray elements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from septum.core import Known, Source
from septum.io import dicom_contents, read_study
from septum.io.folders import find_images

FOLDER = Path(__file__).resolve().parents[1] / "data" / "sunnybrook"


@pytest.mark.parametrize(
    ("patient", "spacing_mm", "bpm"),
    [("SCD0000101", (10.0, 1.367188, 1.367188), 79.0), ("SCD0000301", (8.0, 1.2891, 1.2891), 65.0)],
)
def test_a_cine_whose_images_each_name_a_space_of_their_own(patient, spacing_mm, bpm):
    study = read_study(FOLDER / patient)
    cine = study.cine
    assert cine.array.shape == (10, 5, 80, 80)
    assert cine.geometry.spacing_mm == pytest.approx(spacing_mm, abs=1e-3)
    assert study.subject.heart_rate_bpm == Known(bpm, Source.FILE)
    assert [note.key for note in study.notes] == ["spaces_rewritten"]
    assert len(dicom_contents(FOLDER / patient).stacks) == 1


def test_the_order_of_its_slices_and_phases_is_that_of_the_scanner():
    study = read_study(FOLDER / "SCD0000101")
    numbers = [[int(frame.path.stem) for frame in row] for row in study.header.frames]
    first = numbers[0]
    assert first in (sorted(first), sorted(first, reverse=True))
    assert np.ptp(np.array(numbers) - first, axis=1).max() == 0
    assert [row[0] - first[0] for row in numbers] == list(range(0, 20, 2))
    assert study.cine.times_ms == pytest.approx(np.arange(10) * 75.95 + 19.0, abs=1.0)


def test_no_identifier_is_told_by_the_library_while_studies_are_found_and_read(recwarn):
    for folder in find_images(FOLDER).studies:
        read_study(folder)
    assert not recwarn.list
