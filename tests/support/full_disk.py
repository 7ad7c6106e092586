"""A disk without room, as far as this process can tell: no file may grow beyond a few bytes."""

import resource
from contextlib import contextmanager


@contextmanager
def full_disk(room_bytes=1000):
    """Writing beyond so many bytes of a file fails with an ``OSError``."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))
