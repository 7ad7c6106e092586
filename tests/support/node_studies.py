"""Studies that tests send to a node."""

from __future__ import annotations

from support.dicom_study import flat, images, stored


def cine(study: str = "1.2.3.1", frames: int = 5, slices: int = 6):
    """A short-axis cine, every UID of which begins with that of its study."""
    objects = flat(images(stored(frames, slices), uid=study))
    for one in objects:
        one.StudyInstanceUID = study
        one.SeriesInstanceUID = f"{study}.5"
    return objects


def late_gadolinium(study: str = "1.2.3.1"):
    """A short-axis stack after an inversion."""
    objects = flat(images(stored(1, 5), uid=study, series=30))
    for one in objects:
        one.StudyInstanceUID, one.SeriesInstanceUID = study, f"{study}.30"
        one.ScanningSequence, one.InversionTime = ["GR", "IR"], "280"
    return objects
