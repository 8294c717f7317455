import asyncio
import time

import msgspec
import pytest
from aiohttp import web
from prometheus_client import REGISTRY
from support.fake_kubernetes import FakeApiServer, status_body

from tidegate_chassis.errors import Conflict, ConflictCause, FieldOwner, Permanent, Transient, UnknownOutcome
from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.objects import KubernetesObject, NotFound, decode
from tidegate_chassis.kubernetes.resources import Resource

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")


class ConfigMap(KubernetesObject, frozen=True):
    data: dict[str, str] = msgspec.field(default_factory=dict)


def refusal(code: int, reason: str, message: str = "", **details: object) -> web.Response:
    return web.json_response(status_body(code, reason, message, **details), status=code)


async def patch(client: KubernetesClient, style: PatchStyle = PatchStyle.MERGE) -> bytes | NotFound:
    return await client.patch(CONFIG_MAPS, "shop", "web", {"data": {"a": "b"}}, style=style)


async def test_an_object_is_read_into_the_few_fields_asked_for(server: FakeApiServer, client: KubernetesClient) -> None:
    server.put("web", data={"color": "blue"}, unknown={"deep": [1]})

    found = await client.read(CONFIG_MAPS, "shop", "web", ConfigMap)

    assert isinstance(found, ConfigMap)
    assert found.metadata.key == ("shop", "web")
    assert found.data == {"color": "blue"}
    assert server.requests[0].headers["Authorization"] == "Bearer secret"


async def test_a_missing_object_is_an_answer_and_not_an_error(client: KubernetesClient) -> None:
    assert await client.get(CONFIG_MAPS, "shop", "web") == NotFound("configmaps", "shop", "web")
    assert isinstance(await patch(client), NotFound)
    assert isinstance(await client.delete(CONFIG_MAPS, "shop", "web", uid="u"), NotFound)


async def test_an_unserved_kind_is_permanent_and_names_the_remedy(client: KubernetesClient) -> None:
    with pytest.raises(Permanent) as raised:
        await client.get(Resource("example.org", "v1", "widgets", "Widget"), "shop", "web")

    assert raised.value.code == "kind-not-served"
    assert "widgets.example.org" in raised.value.remedy


async def test_a_busy_server_is_asked_again_after_the_time_it_asked_for(
    server: FakeApiServer, client: KubernetesClient
) -> None:
    server.put("web")
    server.answers.append(web.Response(status=429, headers={"Retry-After": "1"}))
    started_at_s = time.monotonic()

    assert await client.get(CONFIG_MAPS, "shop", "web")
    assert time.monotonic() - started_at_s >= 1.0


async def test_a_server_that_stays_busy_is_transient_after_the_last_attempt(
    server: FakeApiServer, client: KubernetesClient
) -> None:
    server.answers += [refusal(503, "ServiceUnavailable", "later") for _ in range(3)]

    with pytest.raises(Transient, match="later"):
        await patch(client)
    assert len(server.requests) == 3


async def test_a_long_wait_is_handed_to_the_caller(server: FakeApiServer, client: KubernetesClient) -> None:
    server.answers.append(web.Response(status=429, headers={"Retry-After": "60"}))

    with pytest.raises(Transient) as raised:
        await client.get(CONFIG_MAPS, "shop", "web")
    assert raised.value.delay_s == 60.0
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", [500, 502, 504])
async def test_a_failed_write_has_an_unknown_outcome_and_is_not_repeated(
    server: FakeApiServer, client: KubernetesClient, code: int
) -> None:
    server.answers.append(refusal(code, "InternalError", "etcdserver: request timed out"))

    with pytest.raises(UnknownOutcome):
        await patch(client)
    assert len(server.requests) == 1


async def test_a_write_that_times_out_has_an_unknown_outcome(server: FakeApiServer, client: KubernetesClient) -> None:
    server.answers.append(5.0)

    with pytest.raises(UnknownOutcome):
        await patch(client)
    assert len(server.requests) == 1


async def test_a_read_that_times_out_is_repeated(server: FakeApiServer, client: KubernetesClient) -> None:
    server.put("web")
    server.answers.append(5.0)

    assert await client.get(CONFIG_MAPS, "shop", "web")
    assert len(server.requests) == 2


async def test_a_read_that_fails_inside_the_server_is_repeated(server: FakeApiServer, client: KubernetesClient) -> None:
    server.put("web")
    server.answers.append(refusal(500, "InternalError", "etcdserver: leader changed"))

    assert await client.get(CONFIG_MAPS, "shop", "web")


async def test_a_failing_webhook_changed_nothing(server: FakeApiServer, client: KubernetesClient) -> None:
    server.put("web")
    server.answers.append(refusal(500, "InternalError", 'failed calling webhook "x": refused'))

    assert isinstance(await patch(client), bytes)


async def test_an_unreachable_server_is_transient_even_for_a_write(
    server: FakeApiServer, client: KubernetesClient
) -> None:
    client._transport._connection.server = "http://127.0.0.1:1"

    with pytest.raises(Transient, match="can't be reached"):
        await patch(client)
    assert not server.requests


async def test_a_stale_version_is_a_conflict(server: FakeApiServer, client: KubernetesClient) -> None:
    server.answers.append(refusal(409, "Conflict", "the object has been modified"))

    with pytest.raises(Conflict) as raised:
        await patch(client)
    assert raised.value.cause is ConflictCause.STALE


async def test_a_field_owned_by_another_is_a_conflict_with_the_owners_name(
    server: FakeApiServer, client: KubernetesClient
) -> None:
    cause = {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "hpa" with subresource "scale" using apps/v1',
        "field": ".spec.replicas",
    }
    server.answers.append(refusal(409, "Conflict", "Apply failed with 1 conflict", causes=[cause]))

    with pytest.raises(Conflict) as raised:
        await client.apply(CONFIG_MAPS, "shop", "web", {})
    assert raised.value.cause is ConflictCause.OWNED
    assert raised.value.owners == (FieldOwner("hpa", ".spec.replicas"),)
    assert "force" not in server.requests[0].query
    assert server.requests[0].query["fieldManager"] == "tester"


async def test_creating_what_exists_is_a_conflict(server: FakeApiServer, client: KubernetesClient) -> None:
    server.answers.append(refusal(409, "AlreadyExists"))

    with pytest.raises(Conflict) as raised:
        await client.create(CONFIG_MAPS, "shop", {"metadata": {"name": "web"}})
    assert raised.value.cause is ConflictCause.EXISTS


async def test_a_failed_json_patch_test_is_a_stale_conflict(server: FakeApiServer, client: KubernetesClient) -> None:
    server.answers.append(refusal(422, "Invalid", "the server rejected our request"))

    with pytest.raises(Conflict) as raised:
        await patch(client, PatchStyle.JSON)
    assert raised.value.cause is ConflictCause.STALE


async def test_an_invalid_object_names_field_and_rule(server: FakeApiServer, client: KubernetesClient) -> None:
    cause = {"reason": "FieldValueInvalid", "message": "must be greater than 0", "field": "spec.replicas"}
    server.answers.append(refusal(422, "Invalid", "Deployment is invalid", causes=[cause]))

    with pytest.raises(Permanent) as raised:
        await patch(client)
    assert (raised.value.code, raised.value.field) == ("invalid", "spec.replicas")
    assert raised.value.rule == "must be greater than 0"


async def test_a_missing_permission_is_named(server: FakeApiServer, client: KubernetesClient) -> None:
    server.answers.append(refusal(403, "Forbidden", 'User "x" cannot patch resource "configmaps"'))

    with pytest.raises(Permanent) as raised:
        await patch(client)
    assert raised.value.code == "forbidden"
    assert raised.value.value == "patch configmaps"
    assert "patch configmaps in namespace shop" in raised.value.remedy


async def test_a_refusal_by_admission_is_not_called_a_missing_permission(
    server: FakeApiServer, client: KubernetesClient
) -> None:
    server.answers.append(refusal(403, "Forbidden", "exceeded quota: pods"))

    with pytest.raises(Permanent) as raised:
        await patch(client)
    assert raised.value.code == "refused-by-admission"


async def test_a_delete_names_the_very_object(server: FakeApiServer, client: KubernetesClient) -> None:
    server.put("web")

    await client.delete(CONFIG_MAPS, "shop", "web", uid="uid-web", resource_version="101", grace_period_s=0)

    assert server.bodies[-1]["preconditions"] == {"uid": "uid-web", "resourceVersion": "101"}
    assert server.bodies[-1]["gracePeriodSeconds"] == 0
    assert not server.objects


async def test_a_dry_run_is_asked_for_as_one(server: FakeApiServer, client: KubernetesClient) -> None:
    server.put("web")
    await client.patch(CONFIG_MAPS, "shop", "web", {}, style=PatchStyle.STRATEGIC, dry_run=True)

    assert server.requests[-1].query["dryRun"] == "All"
    assert server.requests[-1].headers["Content-Type"] == PatchStyle.STRATEGIC.value


async def test_a_long_list_comes_in_pages(server: FakeApiServer, client: KubernetesClient) -> None:
    for number in range(7):
        server.put(f"web-{number}")
    server.page_items_max = 3

    page = await client.list_all(CONFIG_MAPS)

    assert [decode(raw, ConfigMap).metadata.name for raw in page.items] == [f"web-{number}" for number in range(7)]
    assert page.resource_version == "107"
    assert len(server.requests) == 3


async def test_a_list_whose_token_expires_is_read_in_one_piece(server: FakeApiServer, client: KubernetesClient) -> None:
    for number in range(5):
        server.put(f"web-{number}")
    server.page_items_max = 3
    listing = server._list
    server._list = lambda request: refusal(410, "Expired") if "continue" in request.query else listing(request)

    page = await client.list_all(CONFIG_MAPS)

    assert len(page.items) == 5
    assert "limit" not in server.requests[-1].query


async def test_a_hostile_name_stays_inside_its_own_path_segment(
    server: FakeApiServer, client: KubernetesClient
) -> None:
    await client.get(CONFIG_MAPS, "shop", "../secrets/x?watch=true#")

    path = server.requests[-1].rel_url.raw_path
    assert path == "/api/v1/namespaces/shop/configmaps/..%2Fsecrets%2Fx%3Fwatch%3Dtrue%23"


async def test_a_kind_is_found_once_and_remembered(server: FakeApiServer, client: KubernetesClient) -> None:
    resources = [
        {"name": "deployments", "kind": "Deployment", "namespaced": True},
        {"name": "deployments/scale", "kind": "Scale", "namespaced": True},
    ]
    server.answers.append(web.json_response({"resources": resources}))

    found = await client.discover("apps/v1", "Deployment")
    again = await client.discover("apps/v1", "Deployment")

    assert found == again == Resource("apps", "v1", "deployments", "Deployment")
    assert len(server.requests) == 1


async def test_an_unknown_kind_is_an_answer(client: KubernetesClient) -> None:
    assert isinstance(await client.discover("example.org/v1", "Widget"), NotFound)


async def test_an_unreadable_object_is_permanent(server: FakeApiServer, client: KubernetesClient) -> None:
    server.put("web", data="not a map")

    with pytest.raises(Permanent) as raised:
        await client.read(CONFIG_MAPS, "shop", "web", ConfigMap)
    assert raised.value.code == "unreadable-object"


async def test_no_more_requests_than_the_limit_are_in_flight(server: FakeApiServer, client: KubernetesClient) -> None:
    server.put("web")
    server.answers += [0.05] * 12
    client._transport._slots = asyncio.Semaphore(3)

    await asyncio.gather(*(client.get(CONFIG_MAPS, "shop", "web") for _ in range(12)))

    assert server.in_flight_max == 3


async def test_the_environments_proxies_are_not_used(client: KubernetesClient) -> None:
    assert client._transport._session.trust_env is False


async def test_requests_are_counted_by_verb_resource_and_status(
    server: FakeApiServer, client: KubernetesClient
) -> None:
    def counted(status: str) -> float:
        labels = {"verb": "get", "resource": "configmaps", "status": status}
        return REGISTRY.get_sample_value("tidegate_kubernetes_request_seconds_count", labels) or 0.0

    found_before, missing_before = counted("200"), counted("404")
    server.put("web")
    await client.get(CONFIG_MAPS, "shop", "web")
    await client.get(CONFIG_MAPS, "shop", "other")

    assert (counted("200"), counted("404")) == (found_before + 1, missing_before + 1)


async def test_a_permission_that_is_lost_for_a_moment_is_asked_for_again(
    server: FakeApiServer, client: KubernetesClient
) -> None:
    server.put("web")
    assert await patch(client)
    server.answers.append(refusal(403, "Forbidden", 'User "x" cannot patch resource "configmaps"'))

    assert await patch(client)
