"""What changed images do to a model: perturbations, the run over them, curves and report."""
