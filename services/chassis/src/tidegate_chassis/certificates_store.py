"""Keeps a webhook's certificates: the Secret that all copies share, the bundles clients trust, this copy's own files.

A worker of whichever service serves webhooks without cert-manager. `rotation` says what to do next; this does it, and
looks again. Every write names the version it was decided on, so that copies that start or rotate at once end with one
authority. What somebody edits is repaired at the next look. The files go to `webhooks.WebhookServer`.
"""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import structlog

from tidegate_chassis.certificates import issue, make_authority, read_certificate, read_keyed
from tidegate_chassis.clock import Clock
from tidegate_chassis.errors import Conflict, OperatingError
from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_chassis.rotation import Authority, Lifetimes, Serving, Step, next_step, succeeded

LOOK_PERIOD_S: Final = 10.0
"""How long an edited bundle, a lost Secret or another copy's new authority goes unnoticed."""

STEPS_PER_LOOK_MAX: Final = 16
"""A look ends after three steps when nobody interferes; the rest is for copies that were quicker."""

SECRETS: Final = Resource("", "v1", "secrets", "Secret")
_ADMISSION: Final = "admissionregistration.k8s.io"
MUTATING: Final = Resource(
    _ADMISSION, "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", namespaced=False
)
VALIDATING: Final = Resource(
    _ADMISSION, "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", namespaced=False
)
DEFINITIONS: Final = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)

PRESENT_CERTIFICATE: Final = "authority.crt"
PRESENT_KEY: Final = "authority.key"
FORMER_CERTIFICATE: Final = "former.crt"
CERTIFICATE_FILE: Final = "tls.crt"
KEY_FILE: Final = "tls.key"

_log = structlog.get_logger(__name__)


class Api(Protocol):
    """The part of `KubernetesClient` that is used here."""

    async def get(self, resource: Resource, namespace: str | None, name: str) -> bytes | NotFound: ...
    async def create(self, resource: Resource, namespace: str | None, body: Any, *, name: str = "") -> bytes: ...
    async def patch(
        self, resource: Resource, namespace: str | None, name: str, body: Any, *, style: PatchStyle
    ) -> bytes | NotFound: ...


class Place(NamedTuple):
    """One named object of ours that holds the bundle: a webhook configuration, or a definition with a conversion."""

    resource: Resource
    name: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept, and where.

    Args:
        namespace: Of the Secret.
        secret: Its name.
        names: The DNS names of the Service that the API server calls.
        places: Our own objects that publish the bundle; one that isn't there yet is left out until it is.
        directory: Where this copy's certificate and key are written.
        lifetimes: Of authorities and serving certificates.
    """

    namespace: str
    secret: str
    names: tuple[str, ...]
    places: tuple[Place, ...]
    directory: Path
    lifetimes: Lifetimes = field(default_factory=Lifetimes)


class CertificateKeeper:
    def __init__(self, api: KubernetesClient | Api, clock: Clock, kept: Kept) -> None:
        self._api = api
        self._clock = clock
        self._kept = kept
        self._remembered: Authority | None = None
        self._serving: Serving | None = None
        self._problem = "no certificate was issued yet"

    def __repr__(self) -> str:
        return f"the certificates of {self._kept.names[0]}"

    @property
    def serving(self) -> Serving | None:
        return self._serving

    def problem(self) -> str | None:
        """A health check: a copy whose look failed still serves while its certificate is valid."""
        if self._serving is not None and self._clock.now_s() < self._serving.keyed.certificate.end_s:
            return None
        return self._problem

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except OperatingError as error:
                self._problem = f"certificates can't be kept: {error.reason}"
                _log.warning("certificates can't be kept", reason=error.reason)
            await self._clock.sleep(LOOK_PERIOD_S)

    async def look(self) -> None:
        """Does what is to be done, until nothing is.

        Raises:
            OperatingError: The API server said no, or nothing.
        """
        for _ in range(STEPS_PER_LOOK_MAX):
            try:
                if await self.step() is Step.NOTHING:
                    return
            except Conflict as conflict:
                _log.info("another copy was quicker", reason=conflict.reason)
        _log.warning("certificates did not come to rest", steps=STEPS_PER_LOOK_MAX)

    async def step(self) -> Step:
        """Reads everything anew and does the first thing that is to be done.

        Raises:
            OperatingError: Conflict where another copy, or somebody, was quicker.
        """
        stored = await self._read(Place(SECRETS, self._kept.secret), self._kept.namespace)
        authority = _authority(stored)
        self._remembered = authority or self._remembered
        places = {place: found for place in self._kept.places if (found := await self._read(place)) is not None}
        published = [bundle for place, found in places.items() for bundle in _bundles(place, found)]
        step = next_step(authority, published, self._serving, self._clock.now_s())
        if step is Step.REPLACE_AUTHORITY:
            await self._replace(stored)
        elif authority is not None and step is Step.PUBLISH:
            await self._publish(authority, places)
        elif authority is not None and step is Step.ISSUE:
            self._issue(authority)
        return step

    async def _read(self, place: Place, namespace: str | None = None) -> dict[str, Any] | None:
        answer = await self._api.get(place.resource, namespace, place.name)
        return None if isinstance(answer, NotFound) else msgspec.json.decode(answer, type=dict[str, Any])

    async def _replace(self, stored: dict[str, Any] | None) -> None:
        """A Secret that was lost or broken is made anew, and whom this copy remembers stays trusted."""
        now_s = self._clock.now_s()
        name = f"{self._kept.secret}-{int(now_s)}"
        made = make_authority(name, now_s=now_s, life_s=self._kept.lifetimes.authority_s)
        data = _data(succeeded(self._remembered, made, now_s))
        if stored is None:
            metadata = {"name": self._kept.secret, "namespace": self._kept.namespace}
            body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}
            await self._api.create(SECRETS, self._kept.namespace, body, name=self._kept.secret)
        else:
            patch = {"metadata": {"resourceVersion": _version(stored)}, "data": data}
            await self._api.patch(SECRETS, self._kept.namespace, self._kept.secret, patch, style=PatchStyle.MERGE)
        _log.info("a new authority signs from now on", secret=self._kept.secret)

    async def _publish(self, authority: Authority, places: dict[Place, dict[str, Any]]) -> None:
        for place, found in places.items():
            if any(bundle != authority.bundle for bundle in _bundles(place, found)):
                patch = _with_bundle(place, found, authority.bundle)
                await self._api.patch(place.resource, None, place.name, patch, style=PatchStyle.MERGE)
                _log.info("the bundle was published", kind=place.resource.kind, name=place.name)

    def _issue(self, authority: Authority) -> None:
        kept = self._kept
        issued = issue(authority, kept.names, now_s=self._clock.now_s(), life_s=kept.lifetimes.serving_s)
        _write(kept.directory / KEY_FILE, issued.key_pem)
        _write(kept.directory / CERTIFICATE_FILE, issued.certificate.pem)
        self._serving = Serving(issued, authority.present.certificate.pem)
        _log.info("a serving certificate was issued", names=kept.names)


def _authority(stored: dict[str, Any] | None) -> Authority | None:
    """What the Secret holds; None where that can't be used."""
    data = (stored or {}).get("data") or {}
    try:
        held = {key: base64.b64decode(value) for key, value in data.items()}
        present = read_keyed(held.get(PRESENT_CERTIFICATE, b""), held.get(PRESENT_KEY, b""))
        former = held.get(FORMER_CERTIFICATE, b"")
        return Authority(present, read_certificate(former) if former else None)
    except ValueError as error:
        if stored is not None:
            _log.warning("the authority's Secret can't be used", reason=str(error))
        return None


def _data(authority: Authority) -> dict[str, str]:
    """Every key is always there, so that a merge patch leaves nothing of the authority before."""
    former = authority.former
    return {
        PRESENT_CERTIFICATE: base64.b64encode(authority.present.certificate.pem).decode(),
        PRESENT_KEY: base64.b64encode(authority.present.key_pem).decode(),
        FORMER_CERTIFICATE: base64.b64encode(former.pem if former is not None else b"").decode(),
    }


def _clients(place: Place, found: dict[str, Any]) -> Sequence[dict[str, Any]]:
    """Every `clientConfig` of an object."""
    if place.resource is not DEFINITIONS:
        return [webhook["clientConfig"] for webhook in found.get("webhooks") or ()]
    conversion = found["spec"].get("conversion") or {}
    return [conversion["webhook"]["clientConfig"]] if conversion.get("strategy") == "Webhook" else []


def _bundles(place: Place, found: dict[str, Any]) -> list[bytes]:
    return [base64.b64decode(client.get("caBundle") or "") for client in _clients(place, found)]


def _with_bundle(place: Place, found: dict[str, Any], bundle: bytes) -> dict[str, Any]:
    """A merge patch; a list is replaced whole by one, which the version makes safe."""
    for client in _clients(place, found):
        client["caBundle"] = base64.b64encode(bundle).decode()
    metadata = {"resourceVersion": _version(found)}
    if place.resource is DEFINITIONS:
        return {"metadata": metadata, "spec": {"conversion": found["spec"]["conversion"]}}
    return {"metadata": metadata, "webhooks": found["webhooks"]}


def _version(found: dict[str, Any]) -> str:
    version: str = found["metadata"]["resourceVersion"]
    return version


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all, and for this process's eyes only."""
    half = file.with_name(f".{file.name}.new")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
    half.replace(file)
