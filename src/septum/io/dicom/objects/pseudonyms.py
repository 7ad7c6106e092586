"""De-identification: what names a patient is left out or replaced, the same way each time."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydicom import Dataset

from septum.core import OutputError
from septum.io.dicom.objects.source_images import REQUIRED, SourceStudy

#: Names the file of a key that is to be kept.
KEY_VARIABLE = "SEPTUM_PSEUDONYM_KEY"
#: Least length of a key in bytes.
_LEAST_KEY = 16
METHOD = "Septum: rebuilt without identifying attributes; UIDs and patient ID by keyed hash; dates removed"


@dataclass(frozen=True)
class Pseudonyms:
    """Stands for a patient's ID and for UIDs, by HMAC-SHA256 with a key.

    With one key the same original always has the same pseudonym, so that objects of one patient stay
    together, those of other studies and runs too. Who has the key can tell whether a pseudonym belongs to an
    original, so keep it as you keep the images. The attributes that remain follow the Basic Application Level
    Confidentiality Profile of PS3.15: objects are built anew, and nothing but what is listed enters them.

    Attributes:
        key: 16 bytes or more.
    """

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) < _LEAST_KEY:
            raise ValueError(f"a key for pseudonyms needs {_LEAST_KEY} bytes or more, got {len(self.key)}")

    @classmethod
    def from_environment(cls) -> Pseudonyms:
        """By the key in the file that the environment variable ``SEPTUM_PSEUDONYM_KEY`` names.

        Runs with one key give one patient the same pseudonym. Without the variable, the key is fresh.

        Raises:
            OutputError: the file cannot be read, or holds too short a key.
        """
        return cls.kept() or cls.fresh()

    @classmethod
    def kept(cls) -> Pseudonyms | None:
        """As :meth:`from_environment`, but ``None`` without the variable."""
        named = os.environ.get(KEY_VARIABLE)
        return cls.from_file(Path(named)) if named else None

    @classmethod
    def from_file(cls, path: Path) -> Pseudonyms:
        """By the key that a file holds, but for white space before and after it, as an editor adds it.

        Raises:
            OutputError: the file cannot be read, or holds too short a key.
        """
        try:
            key = path.read_bytes().strip()
        except OSError as error:
            raise OutputError(
                f"{path} cannot be read as key for pseudonyms: expected {_LEAST_KEY} bytes or more, "
                f"and found a problem ({error.strerror}); check {KEY_VARIABLE}, or make a key with "
                "openssl rand -hex -out FILE 32."
            ) from error
        if len(key) < _LEAST_KEY:
            raise OutputError(
                f"{path} holds no key for pseudonyms: expected {_LEAST_KEY} bytes or more, and found "
                f"{len(key)}; make one with openssl rand -hex -out FILE 32."
            )
        return cls(key)

    @classmethod
    def fresh(cls) -> Pseudonyms:
        """Pseudonyms by a random key, that nobody can follow back once it is forgotten."""
        return cls(secrets.token_bytes(32))

    @property
    def fingerprint(self) -> str:
        """By which a key is known again, and which tells nothing of it, nor of any original."""
        return self._digest("fingerprint", "")[:8].hex()

    def uid(self, original: str) -> str:
        """The UID that stands for another one, below 2.25 (PS3.5 B.2)."""
        return f"2.25.{uuid.UUID(bytes=self._digest('uid', original)[:16], version=4).int}"

    def patient_id(self, original: str) -> str:
        """The patient ID that stands for another one."""
        return f"SEPTUM-{self._digest('patient', original)[:8].hex().upper()}"

    def of(self, source: SourceStudy) -> SourceStudy:
        """The same study under pseudonyms, with nothing else that tells who the patient is, or when."""
        return replace(
            source,
            attributes=self._attributes(source),
            study_instance_uid=self.uid(source.study_instance_uid),
            frame_of_reference_uid=self.uid(source.frame_of_reference_uid),
            images=tuple(
                tuple(
                    replace(
                        image,
                        sop_instance_uid=self.uid(image.sop_instance_uid),
                        series_instance_uid=self.uid(image.series_instance_uid),
                    )
                    for image in stack
                )
                for stack in source.images
            ),
            deidentified=True,
        )

    def _attributes(self, source: SourceStudy) -> Dataset:
        attributes = Dataset()
        for keyword in REQUIRED:
            setattr(attributes, keyword, None)
        who = str(source.attributes.PatientID or "").strip() or source.study_instance_uid
        pseudonym = self.patient_id(who)
        attributes.PatientID = pseudonym
        attributes.PatientName = f"{pseudonym}^"  # a family name
        attributes.PatientIdentityRemoved = "YES"
        attributes.DeidentificationMethod = METHOD.split("; ")
        attributes.LongitudinalTemporalInformationModified = "REMOVED"
        return attributes

    def _digest(self, kind: str, original: str) -> bytes:
        return hmac.new(self.key, f"{kind}:{original}".encode(), hashlib.sha256).digest()
