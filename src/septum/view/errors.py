"""What the server refuses: one sentence, a key for the page, and a status of HTTP."""

from __future__ import annotations

from septum.core import SeptumError


class RefusedError(SeptumError):
    """A request that cannot be done as it is asked.

    Args:
        text: one sentence for the user.
        key: stable name for the page.
        status: of HTTP.
        version: of the study now, where that is why.

    >>> RefusedError("There is no such study.", "no_such_study", 404).status
    404
    """

    def __init__(
        self, text: str, key: str = "not_possible", status: int = 400, version: int | None = None
    ) -> None:
        super().__init__(text)
        self.key, self.status, self.version = key, status, version


def stale(base: int, version: int) -> RefusedError:
    """Refuse a change that was made on another version than the one that stands now.

    >>> stale(3, 4).version
    4
    """
    text = (
        f"The mask was changed elsewhere, as in another tab: expected a change of version {version}, got one "
        f"of version {base}; look at it as it is now, and draw again."
    )
    return RefusedError(text, "stale_version", 409, version)
