"""A page as a DICOM secondary capture (PS3.3 A.8.1): a picture in colours, which every PACS shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.uid import SecondaryCaptureImageStorage

from septum.io.dicom.headers import quiet
from septum.io.dicom.objects.instances import NEW, Series, new_instance, write_instance

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from septum.io.dicom.objects.instances import Algorithm, Issue
    from septum.io.dicom.objects.source_images import SourceStudy

_SERIES_NUMBER = 9005


@quiet()
def write_capture(
    path: Path,
    picture: NDArray[np.uint8],
    source: SourceStudy,
    algorithm: Algorithm,
    issue: Issue = NEW,
) -> None:
    """Write a picture as a secondary capture of the study that it is about.

    It says of itself that no patient's name is burned into it; who draws it takes care that this is so.

    Args:
        path: of the file.
        picture: red, green and blue (Y, X, 3).
        source: the study that it belongs to.
        algorithm: model that it tells of.
        issue: its identifiers, and what is added to its series.

    Raises:
        ValueError: the picture has another shape.
        OutputError: the file cannot be written; nothing is left behind.
    """
    if picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"expected a picture (Y, X, 3), got {picture.shape}")
    series = Series("OT", _SERIES_NUMBER, f"Septum page, {algorithm.name}")
    instance = new_instance(str(SecondaryCaptureImageStorage), source, series, issue)
    instance.ConversionType = "WSD"
    instance.ImageType = ["DERIVED", "SECONDARY"]
    instance.PatientOrientation = None
    instance.BurnedInAnnotation = "NO"
    instance.SamplesPerPixel = 3
    instance.PhotometricInterpretation = "RGB"
    instance.PlanarConfiguration = 0
    instance.Rows, instance.Columns = picture.shape[:2]
    instance.BitsAllocated = instance.BitsStored = 8
    instance.HighBit = 7
    instance.PixelRepresentation = 0
    pixels = picture.tobytes()
    instance.PixelData = pixels + b"\0" * (len(pixels) % 2)
    instance["PixelData"].VR = "OB"
    write_instance(path, instance)
