"""The workload-controller as a service: its parts put together, and nothing else.

Started as `python -m tidegate_workload_controller`; with `give-back` it gives everything back and ends. Orders come
in through the chassis' standing orders, go to `holder`, which asks a kind's plugin, and come out as patches and facts.
"""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NoReturn

from tidegate_chassis.admission import reviewed
from tidegate_chassis.certificates_store import MUTATING, Place
from tidegate_chassis.certified import serve_webhooks
from tidegate_chassis.clock import SystemClock
from tidegate_chassis.context import Context
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.cluster import Cluster
from tidegate_chassis.plugins import Plugins
from tidegate_chassis.service import run
from tidegate_chassis.settings import Settings, load_or_exit
from tidegate_chassis.standing_orders import StandingOrders
from tidegate_chassis.unattended import command_line, end
from tidegate_chassis.webhooks import WebhookSettings
from tidegate_contracts.codec import workload_order_decoder
from tidegate_workload_controller import admission
from tidegate_workload_controller.catalogue import Catalogue
from tidegate_workload_controller.giving_back import give_all_back
from tidegate_workload_controller.guards import Guards
from tidegate_workload_controller.holder import WorkloadHolder
from tidegate_workload_controller.kinds.like import StatefulSetLikes
from tidegate_workload_controller.kinds.protocol import WorkloadKind
from tidegate_workload_controller.marks import FIELD_MANAGER
from tidegate_workload_controller.wards import Wards

NAME: Final = "workload-controller"
KINDS: Final = "tidegate.workload_kinds"
HOLD_PATH: Final = "/hold"
HOLD: Final = "tidegate-hold"
"""The admission webhook's configuration, as in deploy/kubernetes/webhooks."""


@asynccontextmanager
async def compose(context: Context) -> AsyncIterator[None]:
    client = await KubernetesClient.connect(context.settings.kubeconfig or None, field_manager=FIELD_MANAGER)
    async with client:
        cluster = Cluster(client)
        kinds = load_kinds(cluster)
        holder = WorkloadHolder(kinds, context.publisher, context.clock)
        context.background("kubernetes", cluster.run)
        context.health.check("kubernetes", cluster.problem)
        context.add(StandingOrders(context, workload_order_decoder.decode, holder))
        _guard(context, cluster, kinds)
        yield


def _guard(context: Context, cluster: Cluster, kinds: Catalogue) -> None:
    """Guarded workloads: their changes held at admission, where a webhook is served, and else as soon as seen."""
    wards = Wards(cluster, kinds, context.publisher, context.clock)
    guards = Guards(context, wards.changed)
    context.health.check("guards", guards.problem)
    context.add(wards)
    context.add(guards)
    hold = reviewed(lambda request: admission.judge(request, context.settings.cluster, wards.watched))
    serve_webhooks(context, cluster.client, {HOLD_PATH: hold}, (Place(MUTATING, HOLD),))


def load_kinds(cluster: Cluster) -> Catalogue:
    """Every kind that is installed, and those that are like a StatefulSet."""
    plugins = Plugins(KINDS, WorkloadKind)
    kinds = {name: plugins.load(name)(cluster) for name in plugins.names}
    return Catalogue(kinds, StatefulSetLikes(cluster), cluster.client)


async def give_back(settings: Settings, given: argparse.Namespace) -> list[str]:
    """What could not be given back."""
    client = await KubernetesClient.connect(settings.kubeconfig or None, field_manager=FIELD_MANAGER)
    async with client:
        cluster = Cluster(client)
        further = tuple((version, kind) for each in given.kind for version, _, kind in [each.rpartition("/")])
        return await give_all_back(
            cluster,
            load_kinds(cluster),
            further,
            restore=given.restore,
            clock=SystemClock(),
            wait_s=given.timeout_s,
        )


def main() -> NoReturn:
    parser, commands = command_line(NAME)
    commands.add_argument("--restore", action="store_true", help="to the stable version; else as the template is now")
    commands.add_argument(
        "--kind",
        action="append",
        default=[],
        metavar="API_VERSION/KIND",
        help="a custom resource without a plugin, too",
    )
    given = parser.parse_args()
    settings = load_or_exit(WebhookSettings)
    if given.command is None:
        run(NAME, settings, compose)
    end(NAME, settings, give_back(settings, given))
