"""A DICOM node: takes studies, has them segmented by ``workflows``, and sends the results back."""
