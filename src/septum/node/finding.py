"""C-FIND: what another node knows, or an error where it does not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset
    from pynetdicom.association import Association

#: Study Root, FIND.
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
#: Statuses of an answer that brings something (PS3.4, C.4.1.1.4).
_PENDING = (0xFF00, 0xFF01)


def answers(association: Association, asked: Dataset, name: str) -> Iterator[Dataset]:
    """Ask by C-FIND, and give what is found; nothing where the question is refused.

    Args:
        association: over which it is asked.
        asked: the question.
        name: of who is asked, for the message.

    Raises:
        ConnectionError: the connection is lost, or no answer comes in time.
    """
    try:
        for status, found in association.send_c_find(asked, FIND):
            if "Status" not in status:
                raise ConnectionError(f"{name} does not answer")
            if status.Status in _PENDING and found is not None:
                yield found
    except (RuntimeError, ValueError) as error:  # it was lost before this question
        raise ConnectionError(f"{name} cannot be asked any more") from error
