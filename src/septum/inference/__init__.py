"""Localise, crop, segment, paste back, over any engine; bundles."""
