"""A synthetic beating heart with exact truth: demo, tests and benchmarks need no patient data."""

from septum.phantom.beating_heart import Phantom, beating_heart
from septum.phantom.settings import PhantomSettings

__all__ = ["Phantom", "PhantomSettings", "beating_heart"]
