"""The report of one study as a page. Nothing is measured here: numbers come from `indices` and `quality`."""

from septum.report.page import write_study_report
from septum.report.picture import overlay_picture, save_picture

__all__ = ["overlay_picture", "save_picture", "write_study_report"]
