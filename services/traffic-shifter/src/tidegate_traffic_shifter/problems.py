"""What can be wrong with routes and Services that an order names, in words that help; pure.

Made by `services` and routers, told as TrafficRefused.
"""

from tidegate_chassis.errors import Permanent
from tidegate_contracts.kruises_hold import ORIGINAL
from tidegate_contracts.problem import Problem, printable
from tidegate_traffic_shifter.router import Place


def missing_route(place: Place, kind: str) -> Problem:
    return Problem(
        field="traffic.route",
        value=place.route,
        rule=f"{_article(kind)} {kind} in namespace {place.namespace}",
        remedy="Create the route, or name another one.",
    )


def not_routed(place: Place, kind: str) -> Problem:
    return Problem(
        field="traffic.service",
        value=place.service,
        rule=f"a backend of a rule of {kind} {place.route}",
        remedy=f"Name the Service that {kind} {place.route} sends requests to, or add it to a rule.",
    )


def not_declared(place: Place, kind: str) -> Problem:
    return Problem(
        field="traffic.service",
        value=place.service,
        rule=f"the host of {kind} {place.route}, which has no workloadSelector",
        remedy=f"Name a {kind} for host {place.service}, without workloadSelector.",
    )


def routed_already(place: Place, kind: str) -> Problem:
    return Problem(
        field="traffic.canary_service",
        value=place.canary_service,
        rule=f"no backend of {kind} {place.route} before the rollout",
        remedy=f"Take it out of the rules of {place.route}; of Kruise Rollouts', see docs/migrate-from-kruise.md.",
    )


def no_match(place: Place, kind: str) -> Problem:
    return Problem(
        field="traffic.matches",
        value=place.route,
        rule=f"requests that {kind} {place.route} sends to {place.service}",
        remedy="Give matches each of which at least one rule of the route leaves room for.",
    )


def not_kept(place: Place, kind: str) -> Problem:
    return Problem(
        field="traffic.mirror_percent",
        value=place.route,
        rule=f"copies of requests that the cluster's definition of {kind} has words for",
        remedy="Install a newer definition (a part of copies needs the Gateway API 1.3), or copy 100 % or none.",
    )


def missing_service(place: Place) -> Problem:
    return Problem(
        field="traffic.service",
        value=place.service,
        rule=f"a Service in namespace {place.namespace}",
        remedy="Create the Service, or name another one.",
    )


def without_selector(place: Place) -> Problem:
    return Problem(
        field="traffic.service",
        value=place.service,
        rule="a Service that selects the workload's pods",
        remedy="Name a Service with a selector; one without it can't be bound to a revision.",
    )


def pinned_by_another(place: Place, label: str) -> Problem:
    return Problem(
        field="traffic.service",
        value=place.service,
        rule=f"a selector without {label}: at the end it would lead to no pod",
        remedy=f"Take {label} out of its selector; where Kruise Rollouts left it, see docs/migrate-from-kruise.md.",
    )


def held_by_kruise(place: Place, called: str) -> Problem:
    return Problem(
        field="traffic.route",
        value=place.route,
        rule=f"an object that Kruise Rollouts has given back: {called} has its {ORIGINAL}",
        remedy="Put back what that annotation says, and take it off: docs/migrate-from-kruise.md.",
    )


def name_taken(place: Place) -> Problem:
    return Problem(
        field="traffic.canary_service",
        value=place.canary_service,
        rule="a name that no Service of somebody else has",
        remedy="Name another canary_service, or remove the Service.",
    )


def canary_route_taken(name: str, kind: str) -> Problem:
    return Problem(
        field="traffic.route",
        value=name,
        rule=f"a name that no {kind} of somebody else has",
        remedy=f"Remove {kind} {name}, or give it another name: the new version's requests need one.",
    )


def cannot_mark(place: Place) -> Problem:
    return Problem(
        field="traffic.router",
        value=place.router,
        rule="a router that marks requests on their way to one and the same Service",
        remedy="Name a route of the Gateway API, or one by a script.",
    )


def cannot_keep(place: Place) -> Problem:
    return Problem(
        field="traffic.session_affinity",
        value=place.router,
        rule="a router that can set a cookie with an answer of the new version's, and a route that leaves room for it: "
        "a rule without a match of its own by `cookie`, and no backend with a change of its own of `Set-Cookie`",
        remedy="Leave it out, or name another route.",
    )


def not_served(place: Place, kind: str, api_version: str) -> Problem:
    return Problem(
        field="traffic.router",
        value=place.router,
        rule=f"a kind that the cluster serves: {kind} of {api_version} is not",
        remedy="Install its custom resource definitions, or name another router.",
    )


def not_in_namespaces(place: Place) -> Problem:
    return Problem(
        field="traffic.kind",
        value=place.kind,
        rule="a kind whose objects live in namespaces",
        remedy="Name an object of the workload's own namespace.",
    )


def forbidden(place: Place, resource: str, verbs: tuple[str, ...]) -> Problem:
    missing = ", ".join(verbs)
    return Problem(
        field="traffic.kind",
        value=place.kind,
        rule=f"a kind that the traffic-shifter may {missing}",
        remedy=f"Bind a ClusterRole that allows {missing} on {resource} to the traffic-shifter's service account.",
    )


def without_script(place: Place, reason: str) -> Problem:
    return Problem(
        field="traffic.router",
        value=place.router,
        rule=f"a kind or class that there is a script for: {printable(reason)}",
        remedy="Have the script put there, or name another router.",
    )


def script_failed(place: Place, called: str, reason: str) -> Problem:
    return Problem(
        field="traffic.router",
        value=place.router,
        rule=f"a script that can say the share for {called}: {printable(reason)}",
        remedy="Have the script mended; it is tried again.",
    )


def held_by_another_router(place: Place, called: str) -> Problem:
    return Problem(
        field="traffic.router",
        value=place.router,
        rule=f"the only router that writes {called}: another one does",
        remedy="Name each object once.",
    )


def edited_by_both(called: str, fields: tuple[str, ...], by: str) -> Problem:
    return Problem(
        field="traffic",
        value=printable(f"{called}: {', '.join(fields)}"),
        rule=printable(f"fields that only the script changes, but {by} has changed them, too"),
        remedy="Undo the edit, or cancel the rollout and edit afterwards.",
    )


def _article(kind: str) -> str:
    return "an" if kind[0] in "AEIOUH" else "a"


def unknown_router(name: str, known: str) -> Problem:
    return Problem(
        field="traffic.router",
        value=name,
        rule=f"one of the routers that are installed: {known}",
        remedy="Use one of these, or install a plugin for the router.",
    )


def late(reason: str, deadline_s: float) -> Problem:
    return Problem(
        field="traffic",
        value=printable(reason),
        rule=f"accepted within {deadline_s:g} s",
        remedy="Look at the route's status and at the gateway; it is accepted as soon as they are well.",
    )


def refused_by_server(error: Permanent) -> Problem:
    return Problem(
        field=error.field or "traffic",
        value=printable(error.value),
        rule=printable(error.rule or error.reason),
        remedy=printable(error.remedy or "Change what the API server refuses; it is tried again."),
    )
