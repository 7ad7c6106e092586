"""True frames of ACDC against a mask of end-diastole and end-systole that were given."""

import nibabel as nib
import numpy as np
import pytest

from septum import measure
from septum.core import InputError
from septum.core.errors import QualityWarning
from septum.workflows.evaluate import evaluate
from septum.workflows.options import IndexSettings
from septum.workflows.record import write_record


def phases():
    """Labels (Z, Y, X) of end-diastole and of end-systole, whose LV has 6 of 10 columns left."""
    full = np.zeros((6, 64, 72), dtype=np.uint8)
    full[1:5, 20:36, 10:20], full[1:5, 20:40, 24:50], full[1:5, 26:34, 30:40] = 1, 2, 3
    emptied = full.copy()
    emptied[1:5, 26:34, 30:34] = 2
    return full, emptied


def write(path, labels):
    """Write labels (Z, Y, X) or (T, Z, Y, X) as NIfTI, whose axes are x, y, z, t."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(labels.transpose(), np.diag([1.5, 2.0, 8.0, 1.0])), path)
    return path


def given_phases(path, labels):
    """Write a mask of end-diastole and end-systole that were given, with its JSON."""
    write(path, labels)
    with pytest.warns(QualityWarning):
        result = measure(path, labels="ventricles", indices=IndexSettings(end_diastole=0, end_systole=1))
    write_record(path.with_name("p1_seg.json"), result.record())


@pytest.mark.parametrize("numbers", [(2, 1), (1, 2), (7, 1)])
def test_numbers_of_true_frames_do_not_count_given_phases(tmp_path, numbers):
    ed, es = phases()
    given_phases(tmp_path / "pred" / "p1_seg.nii.gz", np.stack([ed, es]))
    for number, labels in zip(numbers, (ed, es), strict=True):
        write(tmp_path / "true" / f"p1_frame{number:02}_gt.nii.gz", labels)
    result = evaluate(tmp_path / "pred", tmp_path / "true")
    assert {note.key for note in result.notes} == {"frame_by_volume"}
    assert {(frame.case, frame.phase) for frame in result.frames} == {
        (f"p1_frame{number:02}", phase) for number, phase in zip(numbers, ("ED", "ES"), strict=True)
    }
    assert {row["dice"] for row in result.to_rows()} == {1.0}
    assert {pair.key: pair.predicted for pair in result.indices}["lv_ef_percent"] == pytest.approx(40.0)


def test_a_lone_number_beside_given_phases_is_refused(tmp_path):
    prediction = tmp_path / "pred" / "p1_seg.nii.gz"
    given_phases(prediction, np.stack(phases()))
    with pytest.raises(InputError, match="two phases that were given"):
        evaluate(prediction, write(tmp_path / "true" / "p1_frame01_gt.nii.gz", phases()[1]))
