import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from aiohttp import web
from support.fake_kubernetes import FakeApiServer, status_body
from support.until import until

from tidegate_chassis.errors import Permanent
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import KubernetesObject
from tidegate_chassis.kubernetes.reflector import Reflector, ReflectorLimits
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_chassis.kubernetes.retry import Backoff

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
LIMITS = ReflectorLimits(
    resync_s=600.0, watch_s=60.0, idle_timeout_s=30.0, watch_s_min=0.0, backoff=Backoff(first_s=0.01, max_s=0.05)
)


class ConfigMap(KubernetesObject, frozen=True):
    data: dict[str, str] = msgspec.field(default_factory=dict)


class Followed:
    """A running reflector and everything it told."""

    def __init__(self, client: KubernetesClient, limits: ReflectorLimits) -> None:
        self.told: list[str] = []
        self.reflector = Reflector(
            client,
            CONFIG_MAPS,
            ConfigMap,
            indexes={"color": lambda found: [found.data.get("color", "none")]},
            limits=limits,
        )
        self.reflector.subscribe(self._note)
        self.task = asyncio.create_task(self.reflector.run())

    def _note(self, old: ConfigMap | None, new: ConfigMap | None) -> None:
        sign = {(True, False): "+", (False, False): "~", (False, True): "-"}[(old is None, new is None)]
        found = new or old
        assert found is not None
        self.told.append(sign + found.metadata.name)

    @property
    def names(self) -> set[str]:
        return {found.metadata.name for found in self.reflector.store.all()}

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
async def limits() -> ReflectorLimits:
    return LIMITS


@pytest.fixture
async def followed(server: FakeApiServer, client: KubernetesClient, limits: ReflectorLimits) -> AsyncIterator[Followed]:
    server.put("first", data={"color": "blue"})
    running = Followed(client, limits)
    await until(lambda: server.watches)
    yield running
    await running.stop()


async def test_what_is_listed_and_what_changes_is_told_in_order(server: FakeApiServer, followed: Followed) -> None:
    server.put("second")
    server.put("first", data={"color": "red"})
    server.remove("second")

    await until(lambda: len(followed.told) == 4)
    assert followed.told == ["+first", "+second", "~first", "-second"]
    assert followed.names == {"first"}
    assert followed.reflector.synced


async def test_an_index_follows_the_objects(server: FakeApiServer, followed: Followed) -> None:
    store = followed.reflector.store
    assert [found.metadata.name for found in store.by_index("color", "blue")] == ["first"]

    server.put("first", data={"color": "red"})
    await until(lambda: store.by_index("color", "red"))
    assert store.by_index("color", "blue") == []


async def test_a_dropped_connection_is_watched_on_from_where_it_broke(
    server: FakeApiServer, followed: Followed
) -> None:
    server.put("second")
    await until(lambda: "second" in followed.names)
    server.drop_connections()
    server.put("third")

    await until(lambda: "third" in followed.names)
    assert followed.told == ["+first", "+second", "+third"]
    assert len(server.requests) == 1, "nothing was listed again"


async def test_an_expired_version_is_listed_again_and_missed_deletions_are_told(
    server: FakeApiServer, followed: Followed
) -> None:
    server.put("second", lost=True)
    server.remove("first", lost=True)
    server.expire()
    server.end_watches()

    await until(lambda: followed.names == {"second"})
    assert followed.told == ["+first", "+second", "-first"]


async def test_listing_again_tells_nothing_of_what_stayed_the_same(server: FakeApiServer, followed: Followed) -> None:
    server.expire()
    server.end_watches()
    server.put("second")

    await until(lambda: "second" in followed.names)
    assert len(server.requests) == 2
    assert followed.told == ["+first", "+second"]


async def test_an_expiry_told_inside_the_stream_is_listed_again(server: FakeApiServer, followed: Followed) -> None:
    server.put("second", lost=True)
    server.watch_error(410, "Expired")

    await until(lambda: "second" in followed.names)
    assert len(server.requests) == 2


async def test_a_bookmark_moves_the_version_forward(server: FakeApiServer, followed: Followed) -> None:
    server.put("second", lost=True)
    server.bookmark()
    server.put("third")
    await until(lambda: "third" in followed.names)
    server.oldest_version = server.version
    server.drop_connections()
    server.put("fourth")
    await until(lambda: "fourth" in followed.names)

    assert len(server.requests) == 1, "the bookmarked version was still good"


@pytest.mark.parametrize("limits", [msgspec.structs.replace(LIMITS, idle_timeout_s=0.2)])
async def test_a_frozen_watch_is_taken_for_dead(server: FakeApiServer, followed: Followed) -> None:
    server.is_frozen = True
    server.put("second")
    await until(lambda: server.watches_opened >= 2)
    assert followed.reflector.problem is not None
    server.is_frozen = False

    await until(lambda: "second" in followed.names)
    await until(lambda: followed.reflector.problem is None)


@pytest.mark.parametrize("limits", [msgspec.structs.replace(LIMITS, resync_s=0.5)])
async def test_a_lost_event_is_found_by_the_next_full_list(server: FakeApiServer, followed: Followed) -> None:
    server.put("second", lost=True)
    server.remove("first", lost=True)

    await until(lambda: followed.names == {"second"})
    assert followed.told == ["+first", "+second", "-first"]


@pytest.mark.parametrize("limits", [msgspec.structs.replace(LIMITS, resync_s=0.5)])
async def test_an_object_replaced_by_a_namesake_unseen_is_told_as_gone_and_new(
    server: FakeApiServer, followed: Followed
) -> None:
    server.remove("first", lost=True)
    server.put("first", lost=True, uid="another")

    await until(lambda: len(followed.told) == 3)
    assert followed.told == ["+first", "-first", "+first"]


async def test_a_server_away_for_a_while_is_met_again(server: FakeApiServer, followed: Followed) -> None:
    server.refuses_watches = True
    server.drop_connections()
    await until(lambda: server.watches_opened > 3)
    assert followed.reflector.problem is not None
    server.refuses_watches = False
    server.put("second")

    await until(lambda: "second" in followed.names)


async def test_the_age_of_the_last_word_grows_and_falls(server: FakeApiServer, followed: Followed) -> None:
    await until(lambda: followed.reflector.last_event_age_s > 0.1)
    server.bookmark()
    await until(lambda: followed.reflector.last_event_age_s < 0.1)


async def test_an_object_of_an_unknown_shape_keeps_its_last_readable_version(
    server: FakeApiServer, followed: Followed
) -> None:
    server.put("first", data="not a map")
    await until(lambda: followed.reflector.unreadable)
    server.put("second")
    await until(lambda: "second" in followed.names)
    server.expire()
    server.end_watches()
    await until(lambda: len(server.requests) == 2 and server.watches)

    kept = followed.reflector.store.get("shop", "first")
    assert kept is not None
    assert kept.data == {"color": "blue"}
    assert ("shop", "first") in followed.reflector.unreadable

    server.put("first", data={"color": "red"})
    await until(lambda: not followed.reflector.unreadable)


async def test_a_missing_permission_is_shown_and_mended_without_a_restart(
    server: FakeApiServer, client: KubernetesClient
) -> None:
    server.put("first")
    forbidden = status_body(403, "Forbidden", 'User "x" cannot list resource "configmaps"')
    server.answers += [web.json_response(forbidden, status=403) for _ in range(2)]
    followed = Followed(client, LIMITS)
    try:
        await until(lambda: isinstance(followed.reflector.problem, Permanent))
        assert not followed.reflector.synced
        await until(lambda: followed.names == {"first"})
    finally:
        await followed.stop()


async def test_a_watch_that_always_ends_at_once_is_not_a_busy_loop(
    server: FakeApiServer, client: KubernetesClient
) -> None:
    slow = msgspec.structs.replace(LIMITS, watch_s_min=1.0, backoff=Backoff(first_s=0.2, max_s=0.2))
    followed = Followed(client, slow)
    try:
        for _ in range(3):
            await until(lambda: server.watches)
            server.end_watches()
            await until(lambda: not server.watches)
        assert server.watches_opened <= 4
        assert followed.reflector._failures >= 2
    finally:
        await followed.stop()


async def test_a_subscription_can_be_ended(server: FakeApiServer, followed: Followed) -> None:
    seen: list[object] = []
    end = followed.reflector.subscribe(lambda *change: seen.append(change))
    end()
    server.put("second")

    await until(lambda: "second" in followed.names)
    assert seen == []


async def test_an_expired_version_after_a_long_absence_is_listed_again_soon(
    server: FakeApiServer, client: KubernetesClient
) -> None:
    slow = msgspec.structs.replace(LIMITS, backoff=Backoff(first_s=0.01, max_s=60.0))
    server.put("first")
    followed = Followed(client, slow)
    try:
        await until(lambda: server.watches)
        followed.reflector._failures = 12
        server.expire()
        server.end_watches()
        server.put("second")
        await until(lambda: "second" in followed.names)
    finally:
        await followed.stop()
