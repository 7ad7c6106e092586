"""DICOM: studies in; segmentation objects and measurement reports out."""

from septum.io.dicom.header import DicomHeader, FrameReference

__all__ = ["DicomHeader", "FrameReference"]
