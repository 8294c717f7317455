"""Reading a Deployment with its ReplicaSets and pods: live, or put together from caches and from what is known.

Used by `kinds.deployment`. Caches leave the templates out, so a digest is remembered with the generation that it was
read at; and an answer to our own patch is newer than what the caches have until they catch up.
"""

import asyncio

import msgspec

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import NotFound, decode
from tidegate_chassis.kubernetes.resources import DEPLOYMENTS, PODS, REPLICA_SETS
from tidegate_workload_controller.authors import ManagedFields, last_author
from tidegate_workload_controller.seen import Deployment, LabelSelector, Pod, ReplicaSet, View
from tidegate_workload_controller.template import Json, digest


class _TemplateSpec(msgspec.Struct, frozen=True):
    template: Json = {}


class _Templated(msgspec.Struct, frozen=True):
    spec: _TemplateSpec = _TemplateSpec()


class _Managed(msgspec.Struct, frozen=True, rename="camel"):
    managed_fields: tuple[ManagedFields, ...] = ()


class _WithAuthors(msgspec.Struct, frozen=True):
    metadata: _Managed = _Managed()
    spec: _TemplateSpec = _TemplateSpec()


class Reading:
    """What is known of one Deployment beside the caches."""

    def __init__(self) -> None:
        self.template: Json = {}
        """The newest template that was read."""
        self.refused_generation: int | None = None
        """The generation from which a change led to another template than the approved one."""
        self._newest: Deployment | None = None
        self._author = ""
        self._digest = ""
        self._digests: dict[str, tuple[str, str]] = {}

    def take(self, answer: bytes) -> Deployment:
        """Take a Deployment as the API server just gave it."""
        deployment = decode(answer, Deployment)
        whole = decode(answer, _WithAuthors)
        self.template = whole.spec.template
        self._digest = digest(self.template)
        self._author = last_author(whole.metadata.managed_fields)
        self._newest = deployment
        return deployment

    def take_replica_sets(self, answers: list[msgspec.Raw], owner: str) -> list[ReplicaSet]:
        """Take a Deployment's ReplicaSets, and the digests of those not seen before."""
        owned = [(each, raw) for raw in answers if (each := decode(raw, ReplicaSet)).metadata.controller_uid == owner]
        known = {each.metadata.uid: self._digests.get(each.metadata.uid) for each, _ in owned}
        self._digests = {
            each.metadata.uid: known[each.metadata.uid]
            or (each.revision, digest(decode(raw, _Templated).spec.template))
            for each, raw in owned
        }
        return [each for each, _ in owned]

    def view(self, deployment: Deployment, replica_sets: list[ReplicaSet], pods: list[Pod], *, live: bool) -> View:
        """Put a view together; of the Deployment, the newest that is known."""
        newest = self._newest
        same = newest is not None and newest.metadata.uid == deployment.metadata.uid
        if newest is not None and same and newest.metadata.generation > deployment.metadata.generation:
            deployment = newest
        generation = deployment.metadata.generation
        read = newest is not None and same and newest.metadata.generation == generation
        return View(
            deployment=deployment,
            replica_sets=tuple(replica_sets),
            pods=tuple(pods),
            template_digest=self._digest if read else None,
            digests=dict(self._digests.values()),
            live=live,
            base_differs=read and self.refused_generation == generation,
            changed_by=self._author if live else "",
        )


def essence(view: View) -> tuple[object, ...]:
    """What decisions stand on: two views with the same essence lead to the same."""
    metadata = view.deployment.metadata
    sets = sorted((each.metadata.uid, each.spec.replicas, each.scaled_for or 0) for each in view.replica_sets)
    pods = sorted((pod.metadata.uid, pod.alive, pod.ready_since_s or 0.0) for pod in view.pods)
    return (metadata.uid, metadata.generation, sets, pods)


async def read_live(
    client: KubernetesClient, namespace: str, name: str, reading: Reading, selector: LabelSelector | None
) -> View | None:
    """Read everything from the API server now.

    Args:
        client: How to reach it.
        namespace: The Deployment's.
        name: The Deployment's.
        reading: Takes what is found.
        selector: The Deployment's, where it is known already: it never changes, and saves waiting for it.
    """
    if selector is None:
        known = await client.read(DEPLOYMENTS, namespace, name, Deployment)
        if isinstance(known, NotFound):
            return None
        selector = known.spec.selector
    labels = written(selector)
    answer, sets, pods = await asyncio.gather(
        client.get(DEPLOYMENTS, namespace, name),
        client.list_all(REPLICA_SETS, namespace, label_selector=labels),
        client.list_all(PODS, namespace, label_selector=labels),
    )
    if isinstance(answer, NotFound):
        return None
    deployment = reading.take(answer)
    replica_sets = reading.take_replica_sets(sets.items, deployment.metadata.uid)
    owners = {each.metadata.uid for each in replica_sets}
    owned = [pod for raw in pods.items if (pod := decode(raw, Pod)).metadata.controller_uid in owners]
    return reading.view(deployment, replica_sets, owned, live=True)


def written(selector: LabelSelector) -> str:
    """A label selector as the API takes it in a query."""
    parts = [f"{name}={value}" for name, value in selector.match_labels.items()]
    for each in selector.match_expressions:
        match each.operator:
            case "Exists":
                parts.append(each.key)
            case "DoesNotExist":
                parts.append(f"!{each.key}")
            case operator:
                parts.append(f"{each.key} {operator.lower()} ({','.join(each.values)})")
    return ",".join(parts)


def raw_template(answer: bytes | msgspec.Raw) -> Json:
    """The pod template of a Deployment or a ReplicaSet as it came."""
    return decode(answer, _Templated).spec.template
