"""What all DICOM objects of ours have in common: patient, study, series, equipment, references, file."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from septum.core import OutputError
from septum.core.files import atomic_path
from septum.io.dicom.headers import quiet

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from septum.io.dicom.objects.source_images import SourceImage, SourceStudy

MANUFACTURER = "Septum"
SOFTWARE_VERSION = version("septum")
#: Stands for Septum where an object must say by a UID who wrote or observed (UUID of version 5, PS3.5 B.2).
DEVICE_UID = UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_DNS, MANUFACTURER).int}")
#: Dates that an object must have and a de-identified one may not tell.
NO_DATE = datetime(1900, 1, 1)  # noqa: DTZ001 - DICOM's dates are local
_LONGEST = 64


@dataclass(frozen=True)
class Algorithm:
    """Which model made a mask.

    Attributes:
        name: of the model, such as ``cine``.
        version: of the model, such as a version or the first digits of its hash.
    """

    name: str
    version: str


@dataclass(frozen=True)
class Reader:
    """Who has corrected or verified a mask.

    Attributes:
        name: as given, such as ``A. Reader``; empty where nobody gave one.
        verified_at: when the numbers were verified by an explicit act; ``None`` where they were not.
    """

    name: str
    verified_at: datetime | None = None

    def person_name(self, *, deidentified: bool) -> str:
        """Give the name as DICOM has it, family name first; in what is de-identified no name stands.

        >>> Reader("Ada Reader").person_name(deidentified=False)
        'Reader^Ada'
        """
        plain = "".join(c if c.isprintable() and c not in "\\=" else " " for c in self.name)
        if deidentified or not plain.strip():
            return "Reader^"
        if "^" in plain:
            return plain.strip()[:_LONGEST]
        *given, family = plain.split()
        return f"{family}^{' '.join(given)}"[:_LONGEST]


@dataclass(frozen=True)
class Series:
    """The series that an object opens.

    Attributes:
        modality: ``SEG`` or ``SR``.
        number: Series Number.
        description: Series Description; ours, and without anything of the patient.
    """

    modality: str
    number: int
    description: str


@dataclass(frozen=True)
class Issue:
    """What distinguishes an object from others of its kind.

    Attributes:
        seed: what its identifiers are derived from, so that the same object made again has the same ones;
            without it they are new each time.
        remark: ends the description of its series, such as ``preliminary``.
        series_number: in place of the usual one of its kind.

    >>> Issue("a").uid("instance") == Issue("a").uid("instance")
    True
    >>> Issue("a").uid("instance") == Issue("b").uid("instance"), Issue().uid("x") == Issue().uid("x")
    (False, False)
    """

    seed: str = ""
    remark: str = ""
    series_number: int | None = None

    def uid(self, name: str) -> str:
        """Give the identifier of a part of the object, below 2.25 (PS3.5 B.2).

        Args:
            name: of the part, such as ``instance`` or ``series``.
        """
        if not self.seed:
            return str(generate_uid(prefix=None))
        return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f'{DEVICE_UID}/{self.seed}/{name}').int}"


#: New identifiers, and no remark.
NEW = Issue()


def new_instance(sop_class_uid: str, source: SourceStudy, series: Series, issue: Issue = NEW) -> Dataset:
    """Make an object with the modules that it shares with all others, in a series of its own.

    The modules are Patient, General Study, Patient Study, Clinical Trial, General Series, (Enhanced) General
    Equipment and SOP Common of PS3.3; text is UTF-8.

    Args:
        sop_class_uid: what kind of object it is.
        source: the study that it belongs to, with its patient and study modules.
        series: modality, number and description of the new series.
        issue: its identifiers, and what is added to the series.
    """
    instance = Dataset()
    instance.SpecificCharacterSet = "ISO_IR 192"
    instance.update(source.attributes)
    instance.StudyInstanceUID = source.study_instance_uid
    instance.SOPClassUID = sop_class_uid
    instance.SOPInstanceUID = issue.uid("instance")
    instance.Modality = series.modality
    instance.SeriesInstanceUID = issue.uid("series")
    instance.SeriesNumber = series.number if issue.series_number is None else issue.series_number
    told = (series.description, issue.remark)
    instance.SeriesDescription = short_text(", ".join(part for part in told if part))
    instance.InstanceNumber = 1
    instance.Manufacturer = MANUFACTURER
    instance.ManufacturerModelName = MANUFACTURER
    instance.DeviceSerialNumber = SOFTWARE_VERSION  # software has no other
    instance.SoftwareVersions = SOFTWARE_VERSION
    made = NO_DATE if source.deidentified else datetime.now()  # noqa: DTZ005 - DICOM's dates are local
    instance.ContentDate = made.strftime("%Y%m%d")
    instance.ContentTime = made.strftime("%H%M%S")
    return instance


def referenced_series(images: Iterable[SourceImage], instances_keyword: str) -> list[Dataset]:
    """One item for each series, with one item for each image of it (PS3.3 C.12.2 and C.17.2)."""
    of_series: dict[str, dict[str, str]] = {}
    for image in images:
        of_series.setdefault(image.series_instance_uid, {})[image.sop_instance_uid] = image.sop_class_uid
    items = []
    for uid, instances in of_series.items():
        item = Dataset()
        item.SeriesInstanceUID = uid
        setattr(item, instances_keyword, [sop_reference(c, i) for i, c in instances.items()])
        items.append(item)
    return items


def sop_reference(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    """An item that refers to an object."""
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    return item


def short_text(text: str) -> str:
    """Text that fits into one value of type LO: 64 characters, none of which separates values."""
    return "".join(c if c.isprintable() else " " for c in text.replace("\\", "/"))[:_LONGEST].strip()


def write_instance(path: Path, instance: Dataset) -> None:
    """Write an object as a DICOM file, whole or not at all.

    Raises:
        OutputError: it cannot be written; nothing is left behind.
    """
    instance.file_meta = FileMetaDataset()
    instance.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    instance.file_meta.MediaStorageSOPClassUID = instance.SOPClassUID
    instance.file_meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID
    instance.file_meta.ImplementationClassUID = DEVICE_UID
    instance.file_meta.ImplementationVersionName = f"SEPTUM_{SOFTWARE_VERSION}"[:16]
    with atomic_path(path) as temporary, quiet():
        try:
            instance.save_as(temporary, enforce_file_format=True)
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise OutputError(
                f"{path} cannot be written: an attribute of patient or study in the source images is not "
                "valid; repair the headers, or ask for de-identified output. Nothing was left behind."
            ) from error
