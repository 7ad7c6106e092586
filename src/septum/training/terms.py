"""What holds for trained weights: the terms of their data, and of the bundle that training started from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from septum.datasets import Dataset
    from septum.inference import Manifest

LICENCE_FILE = "LICENSE.md"
SEE = f"; see {LICENCE_FILE}"

UNSTATED = "not stated with the data"
LICENCE = """# Terms of these weights

{of_data} They are not covered by the licence of Septum's code.
{of_origin}
{cited}

Research software, not a medical device. No warranty of any kind; not for diagnosis or treatment.
"""
STATED = """The files in this folder were learnt from the data set {dataset}, and the terms of the
data hold for them: **{terms}**."""
NOT_STATED = """The files in this folder were learnt from the data set {dataset}, and the terms of the
data hold for them. What these are is **not stated** with it: ask whoever owns the data before you pass
anything on."""
ORIGIN = """
Training started from the weights of the bundle `{name}`, and its terms hold for them, too: **{terms}**.
"""


@dataclass(frozen=True)
class Terms:
    """Terms and citations of weights.

    Attributes:
        dataset: that they were learnt from.
        origin: of the bundle that training started from; ``None`` for fresh weights.
    """

    dataset: Dataset
    origin: Manifest | None = None

    @property
    def of_origin(self) -> str:
        """Terms of the bundle that training started from; empty if there is none, or they are the data's."""
        terms = "" if self.origin is None else self.origin.licence.removesuffix(SEE)
        return "" if terms == self.dataset.terms else terms

    @property
    def citations(self) -> tuple[str, ...]:
        """All that is to be cited, each once."""
        origin = "" if self.origin is None else str(self.origin.provenance.get("citation", ""))
        return tuple(dict.fromkeys(one for one in (self.dataset.citation, *origin.split("\n")) if one))

    @property
    def line(self) -> str:
        """The terms in one line."""
        own = self.dataset.terms or UNSTATED
        if self.origin is None or not self.of_origin:
            return own
        return f"{own}; and those of {self.origin.name}, from which training started: {self.of_origin}"

    def licence(self) -> str:
        """Text of the weights' licence."""
        of_data = STATED if self.dataset.terms else NOT_STATED
        origin = ""
        if self.origin is not None and self.of_origin:
            origin = ORIGIN.format(name=self.origin.name, terms=self.of_origin)
        return LICENCE.format(
            of_data=of_data.format(dataset=self.dataset.called, terms=self.dataset.terms),
            of_origin=origin,
            cited=self._cited(),
        )

    def _cited(self) -> str:
        parts = []
        if self.citations:
            quoted = "\n>\n".join(f"> {one}" for one in self.citations)
            parts.append(f"Whoever publishes anything made with them cites:\n\n{quoted}")
        if not self.dataset.citation:
            parts.append("How the data is to be cited is not stated with it.")
        return "\n\n".join(parts)
