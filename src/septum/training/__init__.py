"""The loop, checkpoints, resume, export to a bundle."""
