"""The rotating authority: whoever trusts what is published accepts, at every moment, every copy's certificate."""

import asyncio
import base64
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.clock import ManualClock
from support.secret_shelf import SecretShelf

from tidegate_chassis.certificates import make_authority, read_keyed
from tidegate_chassis.certificates_store import (
    DEFINITIONS,
    MUTATING,
    SECRETS,
    CertificateKeeper,
    Kept,
    Place,
)
from tidegate_chassis.rotation import RENEWED_AT, Authority, Lifetimes, Serving, Step, next_step, succeeded

NAME = "tidegate-webhooks.tidegate.svc"
SECRET = "authority"
HOUR_S = 3600.0
LIFETIMES = Lifetimes(authority_s=30 * HOUR_S, serving_s=6 * HOUR_S)
CONFIGURATION = Place(MUTATING, "tidegate")
DEFINITION = Place(DEFINITIONS, "rollouts.rollouts.kruise.io")
FOREIGN = Place(MUTATING, "somebody-elses")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_800_000_000.0)


@pytest.fixture
def shelf() -> SecretShelf:
    return _shelf()


def test_lifetimes_that_would_leave_a_gap_are_refused() -> None:
    with pytest.raises(ValueError, match="less than a third"):
        Lifetimes(authority_s=30.0, serving_s=10.1)


async def test_every_certificate_in_use_is_accepted_through_two_rotations(
    shelf: SecretShelf, clock: ManualClock, tmp_path: Path
) -> None:
    """Copies look one after the other, and what is published is checked after each single step."""
    copies = _copies(shelf, clock, tmp_path, 3)
    for copy in copies:
        await copy.look()
    authorities = {_secret(shelf)["authority.crt"]}
    end_s = clock.now_s() + 2.5 * LIFETIMES.authority_s * RENEWED_AT
    while clock.now_s() < end_s:
        for copy in copies:
            while await copy.step() is not Step.NOTHING:
                _assert_accepted(shelf, copies, clock)
            clock.advance(0.1 * HOUR_S)
            _assert_accepted(shelf, copies, clock)
        authorities.add(_secret(shelf)["authority.crt"])
    assert len(authorities) == 3, "two rotations were seen"


async def test_a_certificate_is_replaced_at_two_thirds_of_its_life(
    shelf: SecretShelf, clock: ManualClock, tmp_path: Path
) -> None:
    (copy,) = _copies(shelf, clock, tmp_path, 1)
    await copy.look()
    first = copy.serving
    clock.advance(LIFETIMES.serving_s * RENEWED_AT - 1)
    await copy.look()
    assert copy.serving == first
    clock.advance(2)
    await copy.look()
    assert copy.serving is not None
    assert copy.serving != first
    written = read_keyed(*((tmp_path / "0" / file).read_bytes() for file in ("tls.crt", "tls.key")))
    assert written == copy.serving.keyed, "the files hold what is served"
    assert (tmp_path / "0" / "tls.key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("place", [CONFIGURATION, DEFINITION], ids=lambda place: place.resource.kind)
async def test_an_edited_bundle_is_repaired_and_nothing_else_of_the_object_changed(
    shelf: SecretShelf, clock: ManualClock, tmp_path: Path, place: Place
) -> None:
    (copy,) = _copies(shelf, clock, tmp_path, 1)
    await copy.look()
    kept = shelf.objects[place.resource.plural, place.name]
    edited = _object(place)
    shelf.put(place.resource, place.name, edited)
    await copy.look()
    repaired = shelf.objects[place.resource.plural, place.name]
    assert _without_version(repaired) == _without_version(kept)
    assert _bundles_of(repaired) == {_published(shelf)}


async def test_a_foreign_configuration_is_left_alone(shelf: SecretShelf, clock: ManualClock, tmp_path: Path) -> None:
    before = shelf.objects[FOREIGN.resource.plural, FOREIGN.name]
    (copy,) = _copies(shelf, clock, tmp_path, 1)
    await copy.look()
    assert shelf.objects[FOREIGN.resource.plural, FOREIGN.name] == before


async def test_a_definition_that_does_not_convert_is_left_alone(
    shelf: SecretShelf, clock: ManualClock, tmp_path: Path
) -> None:
    shelf.put(DEFINITIONS, DEFINITION.name, {"spec": {"conversion": {"strategy": "None"}}})
    before = shelf.objects[DEFINITIONS.plural, DEFINITION.name]
    (copy,) = _copies(shelf, clock, tmp_path, 1)
    await copy.look()
    assert shelf.objects[DEFINITIONS.plural, DEFINITION.name] == before


@pytest.mark.parametrize("broken", [None, {}, {"authority.crt": "", "authority.key": "bm9uc2Vuc2U="}])
async def test_a_lost_or_broken_secret_is_made_anew_and_the_one_before_stays_trusted(
    shelf: SecretShelf, clock: ManualClock, tmp_path: Path, broken: dict[str, str] | None
) -> None:
    copies = _copies(shelf, clock, tmp_path, 2)
    for copy in copies:
        await copy.look()
    before = _secret(shelf)["authority.crt"]
    del shelf.objects[SECRETS.plural, SECRET]
    if broken is not None:
        shelf.put(SECRETS, SECRET, {"data": broken})
    clock.advance(HOUR_S)
    await copies[0].look()
    _assert_accepted(shelf, copies, clock)
    await copies[1].look()
    _assert_accepted(shelf, copies, clock)
    assert _secret(shelf)["authority.crt"] != before
    assert _secret(shelf)["former.crt"] == before


async def test_after_a_long_stop_an_expired_authority_is_not_published(
    shelf: SecretShelf, clock: ManualClock, tmp_path: Path
) -> None:
    await _copies(shelf, clock, tmp_path, 1)[0].look()
    clock.advance(2 * LIFETIMES.authority_s)
    (copy,) = _copies(shelf, clock, tmp_path / "later", 1)
    await copy.look()
    _assert_accepted(shelf, [copy], clock)
    assert _secret(shelf)["former.crt"] == b""


async def test_a_copy_is_healthy_once_it_serves(shelf: SecretShelf, clock: ManualClock, tmp_path: Path) -> None:
    (copy,) = _copies(shelf, clock, tmp_path, 1)
    assert copy.problem() is not None
    await copy.look()
    assert copy.problem() is None
    clock.advance(LIFETIMES.serving_s)
    assert copy.problem() is not None


def test_an_authority_signs_nothing_before_it_is_published() -> None:
    now_s = 1_800_000_000.0
    old, new = (make_authority(name, now_s=now_s, life_s=LIFETIMES.authority_s) for name in ("old", "new"))
    authority = succeeded(Authority(old), new, now_s)
    serving = Serving(old, old.certificate.pem)
    assert next_step(authority, [Authority(old).bundle], serving, now_s) is Step.PUBLISH
    assert next_step(authority, [authority.bundle, b""], serving, now_s) is Step.PUBLISH
    assert next_step(authority, [authority.bundle], serving, now_s) is Step.ISSUE
    assert next_step(authority, [authority.bundle], Serving(new, new.certificate.pem), now_s) is Step.NOTHING


@settings(max_examples=25, deadline=None)
@example(turns=[(0, 3), (1, 3), (0, 2)], start=LIFETIMES.authority_s * RENEWED_AT + 1)
@given(
    turns=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8)), max_size=24),
    start=st.sampled_from([0.0, LIFETIMES.authority_s * RENEWED_AT + 1]),
)
def test_copies_that_work_at_once_end_with_one_authority(
    tmp_path_factory: pytest.TempPathFactory, turns: list[tuple[int, int]], start: float
) -> None:
    """In any order of their calls, at a first start and at a rotation: each call waits for its turn."""
    directory = tmp_path_factory.mktemp("copies")
    asyncio.run(_work_at_once(directory, turns, start))


async def _work_at_once(directory: Path, turns: list[tuple[int, int]], start_s: float) -> None:
    clock, shelf, former = ManualClock(1_800_000_000.0), _shelf(), b""
    if start_s:
        await _copies(shelf, clock, directory / "earlier", 1)[0].look()
        former = _secret(shelf)["authority.crt"]
        shelf.written.clear()
        clock.advance(start_s)
    gates = [_Gate(shelf) for _ in range(2)]
    copies = [_copy(gate, clock, directory / str(number)) for number, gate in enumerate(gates)]
    looks = [asyncio.create_task(copy.look()) for copy in copies]
    for number, calls in turns:
        await gates[number].let_pass(calls, looks[number])
    for gate in gates:
        gate.open()
    await asyncio.gather(*looks)
    for copy in copies:
        await copy.look()
    _assert_accepted(shelf, copies, clock)
    assert shelf.written.count(SECRET) == 1, "whoever was slower replaced nothing"
    assert _secret(shelf)["former.crt"] == former
    issuers = {copy.serving.issuer_pem for copy in copies if copy.serving is not None}
    assert issuers == {_secret(shelf)["authority.crt"]}


class _Gate:
    """The same shelf for one copy, whose every call waits until it is let pass."""

    def __init__(self, shelf: SecretShelf) -> None:
        self._shelf = shelf
        self._passes = asyncio.Semaphore(0)
        self._is_open = False

    def open(self) -> None:
        self._is_open = True
        self._passes.release()

    async def let_pass(self, calls: int, look: asyncio.Task[None]) -> None:
        for _ in range(calls):
            if not look.done():
                self._passes.release()
                await asyncio.sleep(0)
                await asyncio.sleep(0)

    async def _turn(self) -> None:
        await self._passes.acquire()
        if self._is_open:
            self._passes.release()

    async def get(self, *arguments: Any) -> Any:
        await self._turn()
        return await self._shelf.get(*arguments)

    async def create(self, *arguments: Any, name: str = "") -> bytes:
        await self._turn()
        return await self._shelf.create(*arguments, name=name)

    async def patch(self, *arguments: Any, style: Any) -> Any:
        await self._turn()
        return await self._shelf.patch(*arguments, style=style)


def _shelf() -> SecretShelf:
    shelf = SecretShelf()
    for place in (CONFIGURATION, DEFINITION, FOREIGN):
        shelf.put(place.resource, place.name, _object(place))
    return shelf


def _object(place: Place) -> dict[str, Any]:
    def client(path: str) -> dict[str, Any]:
        return {"service": {"name": "tidegate-webhooks", "namespace": "tidegate", "path": path}, "caBundle": "YQ=="}

    if place.resource is DEFINITIONS:
        webhook = {"clientConfig": client("/convert"), "conversionReviewVersions": ["v1"]}
        return {"spec": {"group": "rollouts.kruise.io", "conversion": {"strategy": "Webhook", "webhook": webhook}}}
    return {"webhooks": [{"name": f"{path}.tidegate.dev", "clientConfig": client(f"/{path}")} for path in "ab"]}


def _copies(shelf: SecretShelf, clock: ManualClock, directory: Path, count: int) -> list[CertificateKeeper]:
    return [_copy(shelf, clock, directory / str(number)) for number in range(count)]


def _copy(api: Any, clock: ManualClock, directory: Path) -> CertificateKeeper:
    directory.mkdir(parents=True)
    kept = Kept("tidegate", SECRET, (NAME,), (CONFIGURATION, DEFINITION), directory, LIFETIMES)
    return CertificateKeeper(api, clock, kept)


def _secret(shelf: SecretShelf) -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in shelf.objects[SECRETS.plural, SECRET]["data"].items()}


def _published(shelf: SecretShelf) -> bytes:
    held = _secret(shelf)
    return held["authority.crt"] + held["former.crt"]


def _bundles_of(found: dict[str, Any]) -> set[bytes]:
    conversion = found.get("spec", {}).get("conversion", {}).get("webhook")
    clients = [conversion] if conversion else found["webhooks"]
    return {base64.b64decode(client["clientConfig"]["caBundle"]) for client in clients}


def _without_version(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"metadata": {"name": found["metadata"]["name"]}}


def _assert_accepted(shelf: SecretShelf, copies: list[CertificateKeeper], clock: ManualClock) -> None:
    """By a client of each place, which trusts what stands there."""
    for place in (CONFIGURATION, DEFINITION):
        for bundle in _bundles_of(shelf.objects[place.resource.plural, place.name]):
            for copy in copies:
                assert copy.serving is not None
                assert _accepts(bundle, copy.serving.keyed.certificate.pem, clock.now_s())


def _accepts(bundle: bytes, served: bytes, now_s: float) -> bool:
    store = Store(x509.load_pem_x509_certificates(bundle))
    now = dt.datetime.fromtimestamp(now_s, dt.UTC).replace(tzinfo=None)
    verifier = PolicyBuilder().store(store).time(now).build_server_verifier(x509.DNSName(NAME))
    try:
        verifier.verify(x509.load_pem_x509_certificate(served), [])
    except VerificationError:
        return False
    return True
