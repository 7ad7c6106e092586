"""What ``node.toml`` says: from whom studies come, what is sent where, and the limits."""

from __future__ import annotations

import tomllib
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from septum.core import InputError
from septum.core.settings_error import describe

Network = IPv4Network | IPv6Network
Kind = Literal["seg", "phases", "sr", "page"]


def _network(value: Any) -> Network:
    try:
        return ip_network(value)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"expected an address or a network, as 10.0.0.5 or 10.0.0.0/24, got {value!r}"
        ) from error


def _title(value: str) -> str:
    if not value.isascii() or not value.isprintable() or "\\" in value or value != value.strip():
        raise ValueError(f"expected an AE title of plain characters, got {value!r}")
    return value


def _url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError(f"expected an address that begins with http:// or https://, got {value!r}")
    return value.rstrip("/")


Allowed = Annotated[Network, BeforeValidator(_network)]
Title = Annotated[str, Field(min_length=1, max_length=16), AfterValidator(_title)]
Url = Annotated[str, AfterValidator(_url)]
Port = Annotated[int, Field(ge=0, le=65535)]


class Part(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Tls(Part):
    """How a connection is encrypted.

    Attributes:
        certificate, key: of this node, as PEM files.
        authorities: who signs the other side's certificate; with it, the other side must show one.
    """

    certificate: Path | None = None
    key: Path | None = None
    authorities: Path | None = None


class Archive(Part):
    """A DICOM archive that can be asked how many instances a study has (C-FIND).

    Attributes:
        ae_title, host, port: of the archive.
        tls: where it wants TLS.
    """

    ae_title: Title
    host: str
    port: Port
    tls: Tls | None = None


class Peer(Part):
    """Who may send by C-STORE.

    Attributes:
        ae_title: by which it calls.
        address: from which it calls, or the network.
        count: the archive that knows how many instances a study of this peer has.
    """

    ae_title: Title
    address: Allowed
    count: Archive | None = None


class Receive(Part):
    """The C-STORE server.

    Attributes:
        ae_title: by which it must be called.
        host, port: where it listens.
        peers: who may send; nobody else may.
        most_associations: at once.
        tls: encrypts it.
    """

    ae_title: Title = "SEPTUM"
    host: str = "0.0.0.0"  # noqa: S104  # scanners are elsewhere; the allow list says which
    port: Port = 11112
    peers: tuple[Peer, ...] = Field(min_length=1)
    most_associations: int = Field(default=10, ge=1)
    tls: Tls | None = None


class Web(Part):
    """The HTTP server with ``/healthz``, ``/metrics`` and, by choice, STOW-RS at ``/studies``.

    Attributes:
        host, port: where it listens.
        allow: addresses and networks that may ask anything of it.
        stow: whether studies may be sent to it.
        token_file: a file with the bearer token that STOW-RS must show.
        most_mb: largest request.
        tls: encrypts it.
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    allow: tuple[Allowed, ...] = (ip_network("127.0.0.0/8"), ip_network("::1"))
    stow: bool = False
    token_file: Path | None = None
    most_mb: int = Field(default=4096, ge=1)
    tls: Tls | None = None


class Login(Part):
    """How the node shows who it is by HTTP.

    Attributes:
        user: name.
        password_file: a file that holds the password.
        token_file: a file that holds a bearer token, in place of both.
        tls: of an ``https`` address with authorities or a certificate of its own.
    """

    user: str = ""
    password_file: Path | None = None
    token_file: Path | None = None
    tls: Tls | None = None


class OrthancSource(Login):
    """An Orthanc that is looked into for new studies.

    Attributes:
        name: by which it is known here; a destination may have the same.
        url: of its REST interface.
        poll_s: seconds between two looks.
        from_beginning: take what was there before the node looked first, too.
    """

    name: str
    url: Url
    poll_s: float = Field(default=2.0, gt=0)
    from_beginning: bool = False


class DimseDestination(Part):
    """Where to results are sent by C-STORE. ``calling`` is the AE title by which the node calls."""

    kind: Literal["dimse"]
    name: str
    ae_title: Title
    host: str
    port: Port
    calling: Title = "SEPTUM"
    tls: Tls | None = None


class StowDestination(Login):
    """Where to results are sent by STOW-RS; ``url`` is the root, to which ``/studies`` is added."""

    kind: Literal["stow"]
    name: str
    url: Url


class OrthancDestination(Login):
    """Where to results are sent by Orthanc's REST interface, at ``url``."""

    kind: Literal["orthanc"]
    name: str
    url: Url


Destination = Annotated[DimseDestination | StowDestination | OrthancDestination, Field(discriminator="kind")]


class Complete(Part):
    """When a study counts as complete.

    Attributes:
        quiet_s: seconds in which nothing of it has come.
        patience_s: seconds after which a study whose number of instances still disagrees with its source is
            given up, and can be retried by hand.
        ask_s: seconds for which the answer of an archive that counts instances (C-FIND) holds.
    """

    quiet_s: float = Field(default=60.0, gt=0)
    patience_s: float = Field(default=1800.0, gt=0)
    ask_s: float = Field(default=10.0, gt=0)


class Segmenting(Part):
    """How studies are segmented.

    Attributes:
        models: shipped models by name, or folders of bundles; each takes what it reads of a study.
        threads: of the processor; the engine's choice without it.
        flips: average over mirror images, which takes two to three times as long.
    """

    models: tuple[str, ...] = Field(default=("cine", "la"), min_length=1)
    threads: int | None = Field(default=None, ge=1)
    flips: bool = False


class Policy(Part):
    """What is sent.

    Attributes:
        send: kinds of objects: ``seg`` (all phases), ``phases`` (ED and ES by themselves), ``sr``, ``page``.
        rejected: of a mask with the verdict *reject*: the ``page`` that says so, or ``nothing``.
    """

    send: tuple[Kind, ...] = ("seg", "phases", "sr", "page")
    rejected: Literal["page", "nothing"] = "page"


class Limits(Part):
    """What the node does not go beyond.

    Attributes:
        least_free_gb: below so much free disk nothing is taken in.
        most_waiting: with so many studies in work nothing of new studies is taken in.
        attempts: to segment a study.
        send_attempts: to send its results to one destination.
        first_pause_s, longest_pause_s: between attempts; each pause is twice the one before.
        keep_days: images and results stay so long in the node's folder.
    """

    least_free_gb: float = Field(default=5.0, ge=0)
    most_waiting: int = Field(default=500, ge=1)
    attempts: int = Field(default=3, ge=1)
    send_attempts: int = Field(default=15, ge=1)
    first_pause_s: float = Field(default=5.0, gt=0)
    longest_pause_s: float = Field(default=900.0, gt=0)
    keep_days: float = Field(default=7.0, ge=0)


class NodeSettings(Part):
    """All of ``node.toml``.

    Attributes:
        data: folder of the node's state, images and results.
        receive: the C-STORE server.
        web: the HTTP server.
        orthanc: archives that are looked into.
        send: where results go.
        complete, segmenting, policy, limits: see there.

    >>> settings = NodeSettings.model_validate({
    ...     "data": "node", "orthanc": [{"name": "pacs", "url": "http://localhost:8042"}],
    ...     "send": [{"kind": "orthanc", "name": "pacs", "url": "http://localhost:8042/"}],
    ... })
    >>> settings.send[0].url, settings.complete.quiet_s
    ('http://localhost:8042', 60.0)
    """

    data: Path
    receive: Receive | None = None
    web: Web | None = None
    orthanc: tuple[OrthancSource, ...] = ()
    send: tuple[Destination, ...] = Field(min_length=1)
    complete: Complete = Complete()
    segmenting: Segmenting = Segmenting()
    policy: Policy = Policy()
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _can_work(self) -> NodeSettings:
        for what, names in (("orthanc", self.orthanc), ("send", self.send)):
            listed = [one.name for one in names]
            if len(set(listed)) < len(listed):
                raise ValueError(f"{what}: expected names that differ, got {', '.join(listed)}")
        if not (self.receive or self.orthanc or (self.web and self.web.stow)):
            raise ValueError("expected a way in: [receive], [[orthanc]], or [web] with stow = true")
        return self


def load_settings(path: Path) -> NodeSettings:
    """Read and check a node's file. Paths in it are counted from its folder.

    Args:
        path: TOML file.

    Raises:
        InputError: it cannot be read, is no TOML, or says something that it may not say.
    """
    try:
        content = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise InputError(
            f"{path}: expected the node's settings, and it cannot be read ({error.strerror})."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid TOML: {error}.") from error
    try:
        return _from_folder(NodeSettings.model_validate(content), path.absolute().parent)
    except ValidationError as error:
        kind = next((str(one["ctx"].get("tag", "")) for one in error.errors() if "ctx" in one), "")
        raise InputError(f"{path}: {describe(error, [NodeSettings], kind)}.") from error


def secret_of(path: Path | None) -> str:
    """Read a password or a token from its file, without the white space around it; empty without a file.

    Raises:
        InputError: it cannot be read.
    """
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: expected a file with a password or a token, and it cannot be read."
        ) from error


def is_allowed(address: str, networks: tuple[Network, ...]) -> bool:
    """Tell whether an address belongs to a list of networks.

    >>> is_allowed("10.0.0.7", (ip_network("10.0.0.0/24"),)), is_allowed("::ffff:10.0.1.7", ())
    (True, False)
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in network for network in networks)


def _from_folder(settings: Any, folder: Path) -> Any:
    """Settings whose relative paths begin at a folder."""
    if isinstance(settings, Path):
        return folder / settings.expanduser()
    if isinstance(settings, tuple):
        return tuple(_from_folder(one, folder) for one in settings)
    if isinstance(settings, Part):
        values = {name: _from_folder(getattr(settings, name), folder) for name in type(settings).model_fields}
        return settings.model_copy(update=values)
    return settings
