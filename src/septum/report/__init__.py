"""The report of one study as a page. Nothing is measured here: numbers come from `indices` and `quality`."""

from septum.report.page import Described, Reportable, write_report

__all__ = ["Described", "Reportable", "write_report"]
