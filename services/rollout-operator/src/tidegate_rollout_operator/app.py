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
from tidegate_chassis.settings import load_or_exit
from tidegate_chassis.webhooks import WebhookSettings
from tidegate_contracts import subjects
from tidegate_contracts.subjects import Service
from tidegate_rollout_operator import conversion, reviews
from tidegate_rollout_operator.announcing import Announcer
from tidegate_rollout_operator.histories import Histories
from tidegate_rollout_operator.kruise import ROLLOUTS, Rollout
from tidegate_rollout_operator.loop import Loop
from tidegate_rollout_operator.reconcile import Reconciler
from tidegate_rollout_operator.rollouts import BY_WORKLOAD, Rollouts, workloads_of
from tidegate_rollout_operator.speaking import Speaker
from tidegate_rollout_operator.sweep import Sweep
from tidegate_rollout_operator.workloads import Workloads
from tidegate_rollout_operator.writing import Writer

NAME: Final[Service] = "rollout-operator"
FIELD_MANAGER: Final = "tidegate-rollout-operator"
REVIEWS: Final = "tidegate-rollouts"
"""The validating webhook's configuration, as in deploy/kubernetes/webhooks."""
DEFINITION: Final = ROLLOUTS.qualified_plural
"""The Rollout's own, whose versions are converted."""


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
        workloads = Workloads(client, name)
        reconciler = Reconciler(
            rollouts, Histories(context.journal), workloads, speaker, Writer(client), announcer=announcer, clock=clock
        )
        loop = Loop(rollouts, reflector, reconciler)
        workloads.subscribe(loop.wake_of, loop.wake_all)
        hearing.hear_subjects(context.broker, subjects.namespace_events(name, None), loop.heard)
        context.background("kubernetes", cluster.run)
        context.background("workloads", workloads.run)
        context.background("rollouts", loop.run)
        context.background("sweep", Sweep(rollouts, reflector, speaker, loop, client).run)
        context.health.check("kubernetes", cluster.problem)
        validate = reviewed(lambda request: reviews.judge(request, rollouts.within))
        routes = {reviews.PATH: validate, conversion.PATH: conversion.review}
        serve_webhooks(context, client, routes, (Place(VALIDATING, REVIEWS), Place(DEFINITIONS, DEFINITION)))
        yield


def main() -> NoReturn:
    run(NAME, load_or_exit(WebhookSettings), compose)
