import asyncio

import msgspec
import pytest

from tidegate_chassis.errors import Conflict, ConflictCause, Permanent
from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.objects import KubernetesObject, NotFound, decode
from tidegate_chassis.kubernetes.resources import DEPLOYMENTS, HTTP_ROUTES, NAMESPACES, Resource
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")


class ConfigMap(KubernetesObject, frozen=True):
    data: dict[str, str] = msgspec.field(default_factory=dict)


def config_map(name: str, **data: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


async def made(client: KubernetesClient, namespace: str, name: str, **data: str) -> ConfigMap:
    return decode(await client.create(CONFIG_MAPS, namespace, config_map(name, **data)), ConfigMap)


async def test_objects_are_made_read_listed_changed_and_deleted(client: KubernetesClient, namespace: str) -> None:
    first = await made(client, namespace, "web", color="blue")
    body = {"metadata": {"resourceVersion": first.metadata.resource_version}, "data": {"color": "red"}}
    await client.patch(CONFIG_MAPS, namespace, "web", body, style=PatchStyle.MERGE)

    found = await client.read(CONFIG_MAPS, namespace, "web", ConfigMap)
    assert isinstance(found, ConfigMap)
    assert found.data == {"color": "red"}
    listed = await client.list_all(CONFIG_MAPS, namespace)
    assert "web" in [decode(raw, ConfigMap).metadata.name for raw in listed.items]

    await client.delete(CONFIG_MAPS, namespace, "web", uid=found.metadata.uid)
    assert isinstance(await client.get(CONFIG_MAPS, namespace, "web"), NotFound)


@pytest.mark.parametrize("style", [PatchStyle.MERGE, PatchStyle.JSON], ids=lambda style: style.name)
async def test_a_patch_on_an_old_version_is_a_stale_conflict(
    client: KubernetesClient, namespace: str, style: PatchStyle
) -> None:
    old = (await made(client, namespace, "web")).metadata.resource_version
    await client.patch(CONFIG_MAPS, namespace, "web", {"data": {"a": "b"}}, style=PatchStyle.MERGE)
    merge = {"metadata": {"resourceVersion": old}, "data": {"a": "c"}}
    json_patch = [{"op": "test", "path": "/metadata/resourceVersion", "value": old}]

    body = merge if style is PatchStyle.MERGE else json_patch
    with pytest.raises(Conflict) as raised:
        await client.patch(CONFIG_MAPS, namespace, "web", body, style=style)
    assert raised.value.cause is ConflictCause.STALE


async def test_applying_a_field_of_another_manager_names_the_owner(
    sandbox: SandboxState, client: KubernetesClient, namespace: str
) -> None:
    kubeconfig = str(sandbox.kubeconfig_directory / "admin.yaml")
    async with await KubernetesClient.connect(kubeconfig, field_manager="somebody-else") as other:
        await other.apply(CONFIG_MAPS, namespace, "web", config_map("web", color="blue"))

    with pytest.raises(Conflict) as raised:
        await client.apply(CONFIG_MAPS, namespace, "web", config_map("web", color="red"))
    assert raised.value.cause is ConflictCause.OWNED
    assert [(owner.manager, owner.field) for owner in raised.value.owners] == [("somebody-else", ".data.color")]


async def test_a_dry_run_changes_nothing(client: KubernetesClient, namespace: str) -> None:
    await made(client, namespace, "web", color="blue")
    body = {"data": {"color": "red"}}
    answer = await client.patch(CONFIG_MAPS, namespace, "web", body, style=PatchStyle.MERGE, dry_run=True)

    assert isinstance(answer, bytes)
    assert decode(answer, ConfigMap).data == {"color": "red"}
    found = await client.read(CONFIG_MAPS, namespace, "web", ConfigMap)
    assert isinstance(found, ConfigMap)
    assert found.data == {"color": "blue"}


async def test_a_namesake_is_not_deleted(client: KubernetesClient, namespace: str) -> None:
    await made(client, namespace, "web")
    with pytest.raises(Conflict):
        await client.delete(CONFIG_MAPS, namespace, "web", uid="8b8b8b8b-0000-0000-0000-000000000000")
    assert isinstance(await client.get(CONFIG_MAPS, namespace, "web"), bytes)


async def test_creating_twice_is_a_conflict_that_says_so(client: KubernetesClient, namespace: str) -> None:
    await made(client, namespace, "web")
    with pytest.raises(Conflict) as raised:
        await made(client, namespace, "web")
    assert raised.value.cause is ConflictCause.EXISTS


async def test_what_the_server_refuses_is_explained(client: KubernetesClient, namespace: str) -> None:
    with pytest.raises(Permanent) as missing:
        await made(client, "no-such-namespace", "web")
    assert missing.value.code == "namespace-not-found"

    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": -1}}
    with pytest.raises(Permanent) as invalid:
        await client.create(DEPLOYMENTS, namespace, deployment)
    assert invalid.value.code == "invalid"
    assert invalid.value.field.startswith("spec.")

    with pytest.raises(Permanent) as unserved:
        await client.get(Resource("example.org", "v1", "widgets", "Widget"), namespace, "web")
    assert unserved.value.code == "kind-not-served"


async def test_a_missing_permission_names_verb_and_resource(sandbox: SandboxState, namespace: str) -> None:
    kubeconfig = str(sandbox.kubeconfig_directory / "traffic-shifter.yaml")
    async with await KubernetesClient.connect(kubeconfig, field_manager="tester") as client:
        with pytest.raises(Permanent) as raised:
            await client.create(CONFIG_MAPS, namespace, config_map("web"))
    assert raised.value.code == "forbidden"
    assert raised.value.value == "create configmaps"


async def test_kinds_are_discovered(client: KubernetesClient) -> None:
    assert await client.discover("apps/v1", "Deployment") == DEPLOYMENTS
    assert await client.discover("gateway.networking.k8s.io/v1", "HTTPRoute") == HTTP_ROUTES
    assert await client.discover("v1", "Namespace") == NAMESPACES
    assert isinstance(await client.discover("apps/v1", "CloneSet"), NotFound)
    assert isinstance(await client.discover("example.org/v1", "Widget"), NotFound)


async def test_a_long_list_comes_whole_and_in_pages(client: KubernetesClient, namespace: str) -> None:
    await asyncio.gather(*(made(client, namespace, f"web-{number}") for number in range(25)))
    page = await client.list_page(CONFIG_MAPS, namespace, limit=10)
    assert (len(page.items), bool(page.continue_token)) == (10, True)

    listed = await client.list_all(CONFIG_MAPS, namespace)
    names = {decode(raw, ConfigMap).metadata.name for raw in listed.items}
    assert {f"web-{number}" for number in range(25)} <= names


async def test_labels_select(client: KubernetesClient, namespace: str) -> None:
    labelled = config_map("web") | {"metadata": {"name": "web", "labels": {"team": "shop"}}}
    await client.create(CONFIG_MAPS, namespace, labelled)
    await made(client, namespace, "other")

    page = await client.list_all(CONFIG_MAPS, namespace, label_selector="team=shop")
    assert [decode(raw, ConfigMap).metadata.name for raw in page.items] == ["web"]
