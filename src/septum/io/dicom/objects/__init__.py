"""DICOM objects written from a mask: segmentation and measurement report."""
