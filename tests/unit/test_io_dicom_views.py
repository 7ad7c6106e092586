"""Cardiac views as planned on hearts that lie differently: which are short axis, and which never are."""

from __future__ import annotations

import numpy as np
import pytest

from septum.core import InputError
from septum.io import dicom_contents, read_study
from septum.io.dicom.parsing import HINTS
from support.dicom_study import Sheet, flat, images, stored, unit, write

#: From base to apex (LPS): the usual heart, and hearts that lie flat, upright, to the left or to the front.
HEARTS = {
    "usual": (0.65, -0.55, -0.52),
    "flat": (0.85, -0.45, -0.25),
    "upright": (0.45, -0.5, -0.74),
    "left": (0.9, -0.2, -0.4),
    "front": (0.35, -0.8, -0.48),
}


def normals(heart: str) -> dict[str, np.ndarray]:
    """Normals of the views, planned by landmarks as at the scanner; mm from the mitral valve's centre."""
    axis = unit(HEARTS[heart])
    septal = np.array([-1.0, -0.75, -0.2])
    septal = unit(septal - (septal @ axis) * axis)
    anterior = np.cross(axis, septal)
    anterior = unit(anterior if anterior[2] > 0 else -anterior)
    apex = 90 * axis
    aortic_valve = 22 * septal + 14 * anterior - 8 * axis
    tricuspid_valve = 45 * septal - 12 * anterior
    pulmonary_valve = 32 * septal + 50 * anterior - 5 * axis
    aorta = unit([-0.35, -0.2, 0.9])
    three_chambers = np.cross(apex, aortic_valve)
    return {
        "short axis": axis,
        "two chambers": np.cross(apex, anterior),
        "three chambers": three_chambers,
        "four chambers": np.cross(apex, tricuspid_valve),
        "left outflow": np.cross(aorta, three_chambers),
        "aortic valve": aorta,
        "right in- and outflow": np.cross(
            0.8 * apex + 20 * septal - tricuspid_valve, pulmonary_valve - tricuspid_valve
        ),
        "right outflow": np.cross(pulmonary_valve - 40 * septal - 40 * axis, [0, -1.0, 0.3]),
        "axial": np.array([0.1, 0.05, 1.0]),
        "coronal": np.array([0.1, 1.0, -0.05]),
    }


def cine(normal, slices: int, series: int, frames: int = 3):
    """A cine across ``normal``."""
    normal = unit(normal)
    row = unit(np.cross([0.0, 0.3, 1.0], normal))
    sheet = Sheet((tuple(row), tuple(np.cross(normal, row))))
    return flat(images(stored(frames, slices), sheet, series=series, uid=f"1.2.{series}"))


@pytest.mark.parametrize("heart", HEARTS)
def test_no_other_view_alone_is_taken_for_short_axis(heart, tmp_path):
    views = normals(heart)
    write(tmp_path / "short axis", cine(views.pop("short axis"), 1, 20))
    assert read_study(tmp_path / "short axis").cine.array.shape[:2] == (3, 1)
    for number, (view, normal) in enumerate(views.items()):
        write(tmp_path / view, cine(normal, 1, number))
        with pytest.raises(InputError, match="holds no short-axis cine"):
            read_study(tmp_path / view)


@pytest.mark.parametrize("heart", HEARTS)
def test_no_other_view_displaces_the_stack(heart, tmp_path):
    views = normals(heart)
    write(tmp_path, cine(views.pop("short axis"), 6, 20))
    for number, (view, normal) in enumerate(views.items(), start=30):
        # more frames than the stack has; some as a few parallel slices, and four chambers as a whole stack
        write(tmp_path, cine(normal, 8 if view == "four chambers" else 1 + number % 3, number, frames=5))
    contents = dicom_contents(tmp_path)
    assert len(contents.stacks) == len(views) + 1
    assert contents.choose("cine").stack.series == (20,)


def test_a_stack_across_the_outflow_comes_after_short_axis_and_alone_is_doubted(tmp_path):
    views = normals("left")
    write(tmp_path / "outflow", cine(views["left outflow"], 8, 31))
    assert "tilted_slices" in {note.key for note in read_study(tmp_path / "outflow").notes}
    write(tmp_path / "both", [*cine(views["left outflow"], 8, 31), *cine(views["short axis"], 6, 20)])
    choice = dicom_contents(tmp_path / "both").choose("cine")
    assert (choice.stack.series, choice.notes) == ((20,), ())
    assert "nearer to the usual short axis" in choice.why


@pytest.mark.parametrize(
    ("words", "late"),
    [
        ("DE SA psir", True), ("LateEnh kurze Achse", True), ("eje corto de VI", False),
        ("SA lateral", False), ("translated", False),
    ],
)  # fmt: skip
def test_late_enhancement_is_known_by_words_of_its_own(words, late):
    assert (HINTS["late gadolinium"].search(words) is not None) is late
