"""Clinical indices as FHIR R5: a Bundle with a DiagnosticReport, and an Observation for each number.

Source: HL7, "DICOM SR to FHIR Resource Mapping IG" 1.0.0. It maps a measurement report (TID 1500 of DICOM
PS3.16): each group, number and evaluation of that report is an Observation.
"""

from __future__ import annotations

import math
import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydicom.sr.coding import Code

from septum.io.dicom.objects import terms
from septum.io.dicom.objects.instances import DEVICE_UID, MANUFACTURER, SOFTWARE_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from septum.core import Indices, LabelSchema, Quality, WallThickness
    from septum.io.dicom.objects.instances import Algorithm

_PROFILES = "http://hl7.org/fhir/uv/dicom-sr/StructureDefinition/"
_SYSTEMS = {
    "LN": "http://loinc.org",
    "SCT": "http://snomed.info/sct",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
}
_UCUM = "http://unitsofmeasure.org"
_UID = "urn:dicom:uid"
_GROUP = Code("125007", "DCM", "Measurement Group")
_QUALITATIVE = {
    "system": "http://terminology.hl7.org/CodeSystem/umls",
    "code": "C0034375",
    "display": "Qualitative Evaluations",
}
_GENDERS = {"M": "male", "F": "female", "O": "other"}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
#: Digits after the point, as in the JSON and the measurement report.
_DIGITS = 4


@dataclass(frozen=True)
class Identity:
    """Who was examined, where the user wants it to be told.

    Attributes:
        facts: by the titles of ``identity_of``: name, ID, date of birth, sex, date, accession number.
        study_uid: Study Instance UID; empty if it is not known.
    """

    facts: Mapping[str, str]
    study_uid: str = ""


@dataclass(frozen=True)
class Measurements:
    """What a Bundle tells.

    Attributes:
        indices: the numbers.
        quality: the verdict on the mask that they come from.
        schema: structures of that mask.
        algorithm: model that made it.
        statement: what the numbers may be used for.
        key: names the result, such as hashes of image and model: the same key gives the same resource IDs.
    """

    indices: Indices
    quality: Quality
    schema: LabelSchema
    algorithm: Algorithm
    statement: str
    key: str


def measurement_bundle(
    told: Measurements, identity: Identity | None = None, *, issued: datetime | None = None
) -> dict[str, Any]:
    """Put indices and verdict into a Bundle of FHIR R5, ready for JSON.

    The guide's profiles demand a patient and an imaging study. Without ``identity`` they are resources
    that say nothing of either.

    Args:
        told: numbers, verdict, and where they come from.
        identity: who was examined; ``None`` leaves it out.
        issued: when it is made; now, if it is not given.
    """
    writer = _Writer(told, identity, (issued or datetime.now(UTC)).isoformat(timespec="seconds"))
    writer.add_context()
    results = [*writer.groups(), writer.verdict()]
    report = writer.report(results)
    entries = [writer.entries.pop(report), *writer.entries.values()]
    return {"resourceType": "Bundle", "type": "collection", "timestamp": writer.issued, "entry": entries}


@dataclass(frozen=True)
class _Value:
    """A number to tell: its ID, what is measured, in what site."""

    id: str
    title: str
    code: Code | None
    value: float
    unit: str
    site: Code


@dataclass
class _Writer:
    """Collects resources; each is known by its ID, and referred to by a URN that is made of it."""

    told: Measurements
    identity: Identity | None
    issued: str
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, kind: str, own_id: str, profile: str = "", /, **content: Any) -> str:
        """Add a resource, and return its ID; what is ``None`` or empty is left out."""
        resource: dict[str, Any] = {"resourceType": kind, "id": own_id}
        if profile:
            resource["meta"] = {"profile": [_PROFILES + profile]}
        resource |= {key: value for key, value in content.items() if value not in (None, "", [], {})}
        self.entries[own_id] = {"fullUrl": self.urn(own_id), "resource": resource}
        return own_id

    def urn(self, name: str) -> str:
        return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, f'{DEVICE_UID}/{self.told.key}/{name}')}"

    def to(self, name: str) -> dict[str, str]:
        return {"reference": self.urn(name)}

    def add_context(self) -> None:
        """Add patient, imaging study, and the two devices: the program, and its model."""
        self._add_patient()
        self._add_study()
        self.add(
            "Device", "septum", "dicom-general-equipment",
            identifier=[{"system": _UID, "value": f"urn:oid:{DEVICE_UID}"}],
            displayName=MANUFACTURER, version=[{"value": SOFTWARE_VERSION}],
        )  # fmt: skip
        algorithm = self.told.algorithm
        self.add(
            "Device", "algorithm", "algorithm-identification",
            displayName=algorithm.name, version=[{"value": algorithm.version}], parent=self.to("septum"),
        )  # fmt: skip

    def _add_patient(self) -> None:
        facts = self._facts
        born = facts.get("Born", "")
        self.add(
            "Patient", "patient",
            identifier=[{"value": facts["ID"]}] if facts.get("ID") else None,
            name=[{"text": facts["Name"]}] if facts.get("Name") else None,
            gender=_GENDERS.get(facts.get("Sex", "")),
            birthDate=born if _DATE.fullmatch(born) else None,
        )  # fmt: skip

    def _add_study(self) -> None:
        facts = self._facts
        identifiers: list[dict[str, Any]] = []
        if self.identity is not None and self.identity.study_uid:
            identifiers.append({"system": _UID, "value": f"urn:oid:{self.identity.study_uid}"})
        if facts.get("Accession number"):
            kind = {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN"}
            identifiers.append({"type": {"coding": [kind]}, "value": facts["Accession number"]})
        self.add(
            "ImagingStudy", "study", identifier=identifiers, status="available", subject=self.to("patient"),
            started=self._examined, modality=[{"coding": [_coding(Code("MR", "DCM", "Magnetic Resonance"))]}],
        )  # fmt: skip

    @property
    def _facts(self) -> Mapping[str, str]:
        return {} if self.identity is None else self.identity.facts

    @property
    def _examined(self) -> str | None:
        day = self._facts.get("Examined", "")
        return day if _DATE.fullmatch(day) else None

    def groups(self) -> Iterator[str]:
        """One Observation for each structure that has numbers, and one for the heart rate; the IDs."""
        by_site: dict[str, list[_Value]] = {}
        for value in (*_values(self.told), *_of_the_wall(self.told.indices.wall), *_rate(self.told.indices)):
            by_site.setdefault(_group_of(value), []).append(value)
        for name, values in by_site.items():
            members = [self._measurement(value) for value in values]
            site = terms.MYOCARDIUM if name == "wall" else values[0].site
            yield self.add(
                "Observation", f"group-{name}", "imaging-measurement-group",
                **self._common("septum", site), category=[{"coding": [_coding(_GROUP)]}],
                code=_concept(_GROUP), valueCodeableConcept=_concept(site),
                hasMember=[self.to(member) for member in members],
            )  # fmt: skip

    def _measurement(self, value: _Value) -> str:
        """One number (TID 300)."""
        quantity: dict[str, Any] = {"value": round(value.value, _DIGITS), "unit": value.unit}
        if re.fullmatch(r"[A-Za-z0-9%/.]+", value.unit):
            quantity |= {"system": _UCUM, "code": value.unit}
        return self.add(
            "Observation", value.id, "imaging-measurement", **self._common("algorithm", value.site),
            code=_concept(value.code, value.title), valueQuantity=quantity,
        )  # fmt: skip

    def verdict(self) -> str:
        """Give the verdict as a qualitative evaluation, with its reasons as notes; the ID."""
        quality = self.told.quality
        return self.add(
            "Observation", "quality-verdict", "imaging-qualitative-evaluation",
            **self._common("septum", None), category=[{"coding": [_QUALITATIVE]}],
            code={"text": "Quality verdict on the segmentation"},
            valueCodeableConcept={"text": quality.verdict.value},
            note=[{"text": flag.reason} for flag in quality.flags],
        )  # fmt: skip

    def report(self, results: list[str]) -> str:
        """Give the DiagnosticReport, which stands first in the Bundle; the ID."""
        verdict = self.told.quality.verdict.value
        return self.add(
            "DiagnosticReport", "report", status="preliminary", code=_concept(terms.CARDIAC_MRI),
            subject=self.to("patient"), study=[self.to("study")], effectiveDateTime=self._examined,
            issued=self.issued, result=[self.to(name) for name in results],
            conclusion=f"Quality verdict on the segmentation: {verdict}. {self.told.statement}",
        )  # fmt: skip

    def _common(self, device: str, site: Code | None) -> dict[str, Any]:
        """What all Observations tell alike; the site is a BodyStructure of its own."""
        body = None
        if site is not None:
            body = f"site-{site.value}"
            if body not in self.entries:
                self.add(
                    "BodyStructure", body, "dicom-sr-finding-site", patient=self.to("patient"),
                    includedStructure=[{"structure": _concept(site)}],
                )  # fmt: skip
        return {
            "status": "preliminary",
            "subject": self.to("patient"),
            "partOf": [self.to("study")],
            "effectiveDateTime": self._examined,
            "issued": self.issued,
            "device": self.to(device),
            "bodyStructure": None if body is None else self.to(body),
        }


def _values(told: Measurements) -> Iterator[_Value]:
    """Each index that has a value, and the same by body surface area."""
    sites = {one.tag: terms.structure_code(one) for one in told.schema.structures}
    for item in told.indices.items:
        term = terms.INDICES.get(item.key)
        site = sites.get(item.structure, terms.HEART) if term is None else term.site
        name = item.key.replace("_", "-")
        if item.value is not None and math.isfinite(item.value):
            code = None if term is None else term.name
            yield _Value(name, item.title, code, item.value, item.unit, site)
        if item.indexed is not None and math.isfinite(item.indexed):
            code = None if term is None else term.indexed
            title = f"{item.title} by body surface area"
            yield _Value(f"{name}-by-area", title, code, item.indexed, f"{item.unit}/m2", site)


def _of_the_wall(wall: WallThickness | None) -> Iterator[_Value]:
    """Wall thickness and thickening, each in its AHA segment."""
    if wall is None:
        return
    for key, term in terms.WALL.items():
        what = {terms.END_DIASTOLE: " at end-diastole", terms.END_SYSTOLE: " at end-systole"}
        title = f"{term.name.meaning}{what.get(term.at, '') if term.at is not None else ''}"
        for number, (part, value) in enumerate(zip(terms.SEGMENTS, getattr(wall, key), strict=True), start=1):
            if value is not None and math.isfinite(value):
                name = f"wall-{key.replace('_', '-')}-{number}"
                yield _Value(name, title, term.name, value, term.unit.value, part)


def _rate(indices: Indices) -> Iterator[_Value]:
    if indices.heart_rate_bpm is not None:
        rate = indices.heart_rate_bpm.value
        yield _Value("heart-rate", "Heart rate", terms.HEART_RATE, rate, terms.PER_MINUTE.value, terms.HEART)


def _group_of(value: _Value) -> str:
    """The group that a number belongs to: that of its structure; the wall's segments are one."""
    return "wall" if value.site in terms.SEGMENTS else value.site.value


def _coding(code: Code) -> dict[str, str]:
    system = _SYSTEMS[code.scheme_designator]
    return {"system": system, "code": code.value, "display": code.meaning}


def _concept(code: Code | None, text: str = "") -> dict[str, Any]:
    """A coded concept; where there is no code, its text alone."""
    concept: dict[str, Any] = {} if code is None else {"coding": [_coding(code)]}
    return {**concept, "text": text} if text else concept
