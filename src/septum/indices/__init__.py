"""Clinical numbers from masks: volumes, ejection fraction, mass."""

from septum.indices.volumes import myocardial_mass_g, volume_curve

__all__ = ["myocardial_mass_g", "volume_curve"]
