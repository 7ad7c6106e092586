"""What the DICOM library says of headers is held back, whichever threads read at once."""

from __future__ import annotations

import logging
import warnings

from septum.io.dicom.headers import quiet


def test_silence_lasts_until_the_last_reader_has_done_and_leaves_nothing_behind(recwarn):
    log = logging.getLogger("pydicom")
    before = log.disabled, list(warnings.filters)
    one, other = quiet(), quiet()  # as those of two threads, of which the first ends first
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    warnings.warn("Known^Somebody", stacklevel=1)
    assert log.disabled
    other.__exit__(None, None, None)
    assert (log.disabled, list(warnings.filters)) == before
    assert not recwarn.list
    with quiet():
        warnings.warn("Known^Somebody", stacklevel=1)
    assert not recwarn.list
