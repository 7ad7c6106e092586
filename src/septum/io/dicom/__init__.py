"""DICOM studies in: what a folder holds, which stack of it is meant, and its image.

pydicom is loaded by the modules that need it, and only where there is a DICOM file.
"""

from septum.io.dicom.finding import holds_dicom, is_dicom
from septum.io.dicom.references import DicomHeader, FrameReference

__all__ = ["DicomHeader", "FrameReference", "holds_dicom", "is_dicom"]
