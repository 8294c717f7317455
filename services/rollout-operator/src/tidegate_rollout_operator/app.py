"""The rollout-operator as a service: its parts put together, and nothing else.

Started as `python -m tidegate_rollout_operator`. Rollouts come in through the reflector and events from the bus, wake
`loop`, and `reconcile` makes guards, controls and statuses of them.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NoReturn

from tidegate_chassis import hearing
from tidegate_chassis.admission import reviewed
from tidegate_chassis.certificates_store import DEFINITIONS, VALIDATING, Place
from tidegate_chassis.certified import serve_webhooks
from tidegate_chassis.context import Context
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.cluster import Cluster
from tidegate_chassis.service import run
from tidegate_chassis.settings import Settings, load_or_exit
from tidegate_chassis.webhooks import WebhookSettings
from tidegate_contracts import subjects
from tidegate_contracts.subjects import Service
from tidegate_rollout_operator import conversion, reviews
from tidegate_rollout_operator.announcing import Announcer
from tidegate_rollout_operator.batch_release import BATCH_RELEASES
from tidegate_rollout_operator.beside import Beside
from tidegate_rollout_operator.following import follow
from tidegate_rollout_operator.histories import Histories
from tidegate_rollout_operator.holding import Holding
from tidegate_rollout_operator.kruise import ROLLOUTS, Rollout
from tidegate_rollout_operator.loop import Loop
from tidegate_rollout_operator.mirroring import Mirror
from tidegate_rollout_operator.reconcile import Reconciler
from tidegate_rollout_operator.recording import Recorder
from tidegate_rollout_operator.rollouts import BY_WORKLOAD, Rollouts, workloads_of
from tidegate_rollout_operator.routing_loop import RoutingLoop
from tidegate_rollout_operator.routing_orders import RoutingOrders
from tidegate_rollout_operator.speaking import Speaker
from tidegate_rollout_operator.sweep import Sweep
from tidegate_rollout_operator.traffic_routing import TRAFFIC_ROUTINGS, Routing
from tidegate_rollout_operator.workloads import Workloads
from tidegate_rollout_operator.writing import Writer

NAME: Final[Service] = "rollout-operator"
FIELD_MANAGER: Final = "tidegate-rollout-operator"
REVIEWS: Final = "tidegate-rollouts"
"""The validating webhook's configuration, as in deploy/kubernetes/webhooks."""
DEFINITIONS_CONVERTED: Final = (ROLLOUTS.qualified_plural, BATCH_RELEASES.qualified_plural)
"""Of which there are two versions."""


class OperatorSettings(WebhookSettings, frozen=True, kw_only=True):
    rollout_histories_max: int = 0
    """How many RolloutHistories are kept of each Rollout; 0: none are written."""


@asynccontextmanager
async def compose(context: Context) -> AsyncIterator[None]:
    client = await KubernetesClient.connect(context.settings.kubeconfig or None, field_manager=FIELD_MANAGER)
    async with client:
        cluster = Cluster(client)
        reflector = cluster.follow(ROLLOUTS, Rollout, indexes={BY_WORKLOAD: workloads_of})
        name, clock = context.settings.cluster, context.clock
        rollouts = Rollouts(reflector, name)
        speaker = Speaker(context.connection, NAME, name, clock)
        announcer = Announcer(client, FIELD_MANAGER, clock)
        routings = follow(client, TRAFFIC_ROUTINGS, Routing)
        mirror, recorder = Mirror(client), Recorder(client, _histories_max(context.settings))
        workloads = Workloads(client, name)
        reconciler = Reconciler(
            rollouts,
            Histories(context.journal),
            workloads,
            speaker,
            Writer(client),
            announcer=announcer,
            beside=Beside(mirror, recorder, Holding(client, routings)),
            clock=clock,
        )
        loop = Loop(rollouts, reflector, reconciler)
        workloads.subscribe(loop.wake_of, loop.wake_all)
        mirror.subscribe(loop.wake)
        recorder.subscribe(loop.wake)
        orders = RoutingOrders(context.connection, NAME, clock)
        routing_loop = RoutingLoop(client, routings, orders, rollouts, loop, cluster=name)
        for hears in (loop.heard, routing_loop.heard):
            hearing.hear_subjects(context.broker, subjects.namespace_events(name, None), hears)
        context.background("kubernetes", cluster.run)
        context.background("workloads", workloads.run)
        context.background("rollouts", loop.run)
        context.background("traffic routings", routing_loop.run)
        context.background("batch releases", lambda: mirror.run(loop.wake_all))
        if recorder.switched_on:
            context.background("rollout histories", lambda: recorder.run(loop.wake_all))
        context.background("sweep", Sweep(rollouts, reflector, speaker, loop, client).run)
        context.health.check("kubernetes", cluster.problem)
        validate = reviewed(lambda request: reviews.judge(request, rollouts.within))
        routes = {reviews.PATH: validate, conversion.PATH: conversion.review}
        places = [Place(VALIDATING, REVIEWS), *(Place(DEFINITIONS, each) for each in DEFINITIONS_CONVERTED)]
        serve_webhooks(context, client, routes, tuple(places))
        yield


def _histories_max(settings: Settings) -> int:
    return settings.rollout_histories_max if isinstance(settings, OperatorSettings) else 0


def main() -> NoReturn:
    run(NAME, load_or_exit(OperatorSettings), compose)
