"""Results as pictures. Nothing is measured here: numbers come from ``indices`` and ``metrics``."""

from septum.reporting.picture import overlay_picture, save_picture

__all__ = ["overlay_picture", "save_picture"]
