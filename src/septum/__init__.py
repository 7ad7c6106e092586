"""Septum."""
