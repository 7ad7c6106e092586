"""Images on disk: taken in whole, counted in the store, and gathered into a folder for one version."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID

from septum.core import InputError, OutputError
from septum.core.files import atomic_path, reason_of
from septum.io.dicom.headers import quiet
from septum.io.dicom.objects.instances import DEVICE_UID, MANUFACTURER
from septum.io.dicom.scanning import MR_IMAGES
from septum.node.states import Instance

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pydicom import Dataset

    from septum.node.audit import Audit, Codes
    from septum.node.metrics import Metrics
    from septum.node.settings import Limits
    from septum.node.states import Job
    from septum.node.store import Store

_TAGS = ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "Modality", "Manufacturer"]
_PREAMBLE = 128
_GROUP_LENGTH = b"DICM\x02\x00\x00\x00UL\x04\x00"
_CHUNK = 1 << 20
_GB = 1e9


class RefusedError(Exception):
    """An object cannot be taken in: it is none, or does not say of which study it is."""


class FullError(Exception):
    """There is no room for more; the sender may try again later."""


@dataclass(frozen=True)
class Inbox:
    """The images that came.

    Attributes:
        folder: of the node.
        store: where they are counted.
        codes: by which files are called.
        audit, metrics: where it is logged and counted.
        limits: of what is taken in.
    """

    folder: Path
    store: Store
    codes: Codes
    audit: Audit
    metrics: Metrics
    limits: Limits

    def __post_init__(self) -> None:
        for name in ("inbox", "incoming", "work"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    @property
    def incoming(self) -> Path:
        """The folder of what is being received."""
        return self.folder / "incoming"

    @property
    def free_bytes(self) -> int:
        """Free room on the disk."""
        return shutil.disk_usage(self.folder).free

    def is_full(self) -> bool:
        """Tell whether the disk is too full to take anything in."""
        return self.free_bytes < self.limits.least_free_gb * _GB

    def take(self, path: Path, source: str) -> str:
        """Take in a DICOM file. When it returns, the image is on the disk for good.

        The file gets a new meta header, so that an image has the same bytes whichever way it came.

        Args:
            path: of the file; it stays where it is.
            source: where it came from, such as ``dimse:MR1``.

        Returns:
            The UID of its study.

        Raises:
            RefusedError: it is no DICOM object, or lacks the identifiers of its study or its own.
            FullError: there is no room on the disk, or too many studies wait.
        """
        try:
            header = _header(path)
            study, sop = _identifiers(header)
            if self._is_own(header, sop):
                return self._left_out(study, "", source)
            if str(header.get("SOPClassUID", "")) not in MR_IMAGES:
                return self._left_out(study, sop, source)
            self._check_room(study)
            instance = self._keep(path, header, study, sop)
            new = self.store.add(study, instance, source)
        except OSError as error:  # of the store: the image is written again when it comes again
            raise self.refused(
                FullError(f"the image cannot be noted ({reason_of(error)})"), source
            ) from error
        except (RefusedError, FullError) as error:
            raise self.refused(error, source) from error.__cause__
        self.metrics.add("instances_received_total" if new else "instances_repeated_total", source=source)
        return study

    def refused(self, error: RefusedError | FullError, source: str) -> RefusedError | FullError:
        """Count and log that an image is refused; the same error."""
        self.metrics.add("instances_refused_total", source=source)
        self.audit.note("refused", source=source, reason=str(error))
        return error

    def gather(self, job: Job) -> Path:
        """Put the images of a study as they are now into a folder of their own.

        Args:
            job: the version that is begun.

        Raises:
            InputError: an image is not there any more.
        """
        folder = self.folder / "work" / str(job.id)
        shutil.rmtree(folder, ignore_errors=True)
        images = folder / "images"
        images.mkdir(parents=True)
        for number, instance in enumerate(self.store.instances(job.study)):
            origin = self.folder / "inbox" / self.codes.of(job.study) / instance.file
            target = images / f"{number:06d}.dcm"
            try:
                _link(origin, target)
            except FileNotFoundError as error:
                raise InputError(
                    "an image of the study is gone from the node's folder; send it again."
                ) from error
        return folder

    def forget(self, studies: Iterable[str]) -> None:
        """Remove the images of studies from the disk."""
        for study in studies:
            shutil.rmtree(self.folder / "inbox" / self.codes.of(study), ignore_errors=True)

    def tidy(self) -> None:
        """Remove what a node that was killed left: files half received, and images that nobody counted."""
        for place in (self.folder / "incoming", self.folder / "work"):
            for left in place.iterdir():
                if left.is_dir():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink(missing_ok=True)
        known = {self.codes.of(study) for study in self.store.studies()}
        for study in (self.folder / "inbox").iterdir():
            if study.name not in known:
                shutil.rmtree(study, ignore_errors=True)
        for left in (self.folder / "inbox").glob("*/.septum-*"):
            left.unlink(missing_ok=True)

    def sweep(self, older_s: float) -> None:
        """Remove what was half received when its sender went away, so many seconds ago or more."""
        for left in self.incoming.iterdir():
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > older_s:
                    left.unlink()

    def _is_own(self, header: Dataset, sop: str) -> bool:
        maker = str(header.file_meta.get("ImplementationClassUID", ""))
        made_here = maker == DEVICE_UID and str(header.get("SOPClassUID", "")) not in MR_IMAGES
        return made_here or str(header.get("Manufacturer", "")) == MANUFACTURER or self.store.is_ours(sop)

    def _left_out(self, study: str, sop: str, source: str) -> str:
        """Count an object that is not kept, unless it is the node's own; the UID of its study."""
        if sop:
            self.store.add_other(study, sop)
        self.metrics.add("objects_left_out_total", source=source)
        return study

    def _check_room(self, study: str) -> None:
        if self.is_full():
            raise FullError(f"less than {self.limits.least_free_gb:g} GB are free")
        waiting = self.store.waiting()
        if waiting >= self.limits.most_waiting and not self.store.instances(study):
            raise FullError(f"{waiting} studies wait")

    def _keep(self, path: Path, header: Dataset, study: str, sop: str) -> Instance:
        """Write the file into the folder of its study."""
        name = f"{self.codes.of(sop)}.dcm"
        target = self.folder / "inbox" / self.codes.of(study) / name
        digest = hashlib.sha256()
        try:
            with atomic_path(target) as temporary, path.open("rb") as origin, temporary.open("wb") as copy:
                begin = _begin(header, sop)
                start = _start_of_dataset(origin)
                origin.seek(start)
                for block in (begin if start else b"", *iter(lambda: origin.read(_CHUNK), b"")):
                    digest.update(block)
                    copy.write(block)
        except OSError as error:
            raise FullError(f"the image cannot be written ({reason_of(error)})") from error
        except OutputError as error:
            reason = reason_of(error.__cause__) if isinstance(error.__cause__, OSError) else "no room"
            raise FullError(f"the image cannot be written ({reason})") from error
        return Instance(sop, name, digest.hexdigest())


def _header(path: Path) -> Dataset:
    with quiet():
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS))
            header.decode()
        except Exception as error:  # there is no end to what a damaged file makes a library raise
            raise RefusedError("it is no DICOM object that can be read") from error
    return header


def _identifiers(header: Dataset) -> tuple[str, str]:
    """Study and identifier of an object. Raises :class:`RefusedError` where it lacks one of them."""
    study, sop = str(header.get("StudyInstanceUID", "")), str(header.get("SOPInstanceUID", ""))
    if not (study and sop):
        raise RefusedError("it names no study, or has no identifier of its own")
    return study, sop


def _begin(header: Dataset, sop: str) -> bytes:
    """Preamble and meta header, always the same of the same data."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(str(header.SOPClassUID))
    meta.MediaStorageSOPInstanceUID = UID(sop)
    meta.TransferSyntaxUID = header.file_meta.TransferSyntaxUID
    meta.ImplementationClassUID = DEVICE_UID
    buffer = DicomBytesIO()
    buffer.write(bytes(_PREAMBLE) + b"DICM")
    with quiet():
        write_file_meta_info(buffer, meta, enforce_standard=True)
    return buffer.getvalue()


def _start_of_dataset(stream: BinaryIO) -> int:
    """Where the data begin after the meta header; 0 where it does not say how long it is."""
    start = stream.read(_PREAMBLE + len(_GROUP_LENGTH) + 4)
    if start[_PREAMBLE:-4] != _GROUP_LENGTH:
        return 0
    return len(start) + int(struct.unpack("<I", start[-4:])[0])


def _link(origin: Path, target: Path) -> None:
    """Give a file a second name; copy it where the file system knows no such thing."""
    try:
        os.link(origin, target)
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise
        with suppress(FileExistsError):
            shutil.copyfile(origin, target)
