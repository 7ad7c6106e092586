"""Results as pictures. Nothing is measured here: numbers come from ``indices`` and ``metrics``."""

from septum.reporting.picture import overlay_picture, save_picture
from septum.reporting.study_report import write_study_report

__all__ = ["overlay_picture", "save_picture", "write_study_report"]
