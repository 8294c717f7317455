"""The AsyncAPI 3 document: where each message travels, who says it, and what it looks like. Called by `schema`."""

from typing import Any, Final

import msgspec

from tidegate_contracts import envelope
from tidegate_contracts.codec import tag_of
from tidegate_contracts.registry import CLASSES, MESSAGES, Kind
from tidegate_contracts.subjects import ROOT, SERVICES, WORKERS

TITLE: Final = "Tidegate"
VERSION: Final = "1.0.0"
_KEY: Final = "{cluster}.{namespace}.{kind}.{name}"

ADDRESSES: Final = {
    "requests": f"{ROOT}.requests.{{cluster}}.{{namespace}}",
    "controls": f"{ROOT}.controls.{{cluster}}.{{namespace}}.{{rollout}}",
    "guards": f"{ROOT}.guards.{_KEY}",
    "verdicts": f"{ROOT}.verdicts.{{cluster}}.{{namespace}}.{{rollout}}.{{check}}",
    "alerts": f"{ROOT}.alerts.{{cluster}}.{{namespace}}",
    "events": f"{ROOT}.events.{_KEY}.{{rollout}}.{{service}}.{{type}}",
    "orders": f"{ROOT}.orders.{{worker}}.{_KEY}",
    "timers": f"{ROOT}.timers.{{moment}}.{_KEY}",
    "telemetry": f"{ROOT}.telemetry.{_KEY}.{{rollout}}.{{worker}}",
    "dead": f"{ROOT}.dead.{{service}}",
}
PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "cluster": {"description": "The cluster's name, as the services were told it.", "default": "default"},
    "namespace": {"description": "A Kubernetes namespace."},
    "kind": {"description": "Lower-case kind and group of the workload, with `_` for `.`, as in deployment_apps."},
    "name": {"description": "The workload's name, with `_` for `.`."},
    "rollout": {"description": "The rollout's id, unique in its namespace."},
    "check": {"description": "The name under which an analysis waits for the verdict."},
    "service": {"description": "Who says it.", "enum": list(SERVICES)},
    "worker": {"description": "Who is told, or who tells.", "enum": list(WORKERS)},
    "type": {"description": "The message's type without class and version, as in batch-ready."},
    "moment": {"description": "A timer that is set, or one that is due.", "enum": ["set", "due"]},
}
PURPOSES: Final = {
    "requests": ("receive", "Whoever may write to a namespace's subject starts a rollout there."),
    "controls": ("receive", "Approve, pause, resume, jump, retry, roll back, cancel: each is answered by an event."),
    "guards": ("receive", "Standing wishes: how to roll out what changes a workload's template. The newest stands."),
    "verdicts": ("receive", "What somebody outside finds of a step or a rollout, signed where its analysis wants it."),
    "alerts": ("send", "An Alertmanager's alerts, by namespace, as the metrics-analyzer's webhook received them."),
    "events": ("send", "Everything that happened, and why, in one ordered history for each workload."),
    "orders": ("send", "What should be true now: the orchestrator to one worker. The newest of a subject stands."),
    "timers": ("send", "The orchestrator's wake-up calls to itself."),
    "telemetry": ("send", "Progress for eyes and dashboards; losing it loses nothing."),
    "dead": ("send", "What could not be understood or handled, with the reason."),
}


def asyncapi() -> dict[str, Any]:
    payloads, schemas = msgspec.json.schema_components(MESSAGES, ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": TITLE,
            "version": VERSION,
            "description": "Progressive delivery by events over NATS JetStream.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {name: _channel(name) for name in CLASSES},
        "operations": {name: _operation(name) for name in CLASSES},
        "components": {
            "messages": {
                tag_of(kind): _message(kind, payload) for kind, payload in zip(MESSAGES, payloads, strict=True)
            },
            "parameters": PARAMETERS,
            "schemas": dict(sorted(schemas.items())),
            "messageTraits": {"cloudEvent": _cloud_event()},
        },
    }


def _channel(name: str) -> dict[str, Any]:
    address = ADDRESSES[name]
    return {
        "address": address,
        "description": PURPOSES[name][1],
        "messages": {tag_of(kind): {"$ref": f"#/components/messages/{tag_of(kind)}"} for kind in CLASSES[name]},
        "parameters": {
            parameter: {"$ref": f"#/components/parameters/{parameter}"}
            for parameter in PARAMETERS
            if f"{{{parameter}}}" in address
        },
    }


def _operation(name: str) -> dict[str, Any]:
    """As Tidegate's services see it: they receive requests and controls, and send the rest."""
    action, summary = PURPOSES[name]
    return {"action": action, "channel": {"$ref": f"#/channels/{name}"}, "summary": summary}


def _message(kind: Kind, payload: dict[str, Any]) -> dict[str, Any]:
    summary = (kind.__doc__ or "").strip().split("\n", 1)[0]
    return {
        "name": tag_of(kind),
        "title": kind.__name__,
        **({"summary": summary} if summary else {}),
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "payload": payload,
    }


def _cloud_event() -> dict[str, Any]:
    """The CloudEvents headers: ours are complete, a message from outside needs none of them."""
    headers = {
        envelope.SPECVERSION: "Always 1.0.",
        envelope.ID: "The message's id; the same id is stored once.",
        envelope.TYPE: "The message's type, as in its body.",
        envelope.SOURCE: "Who says it.",
        envelope.TIME: "When, in RFC 3339.",
        envelope.CAUSE: "The id of the message that this one answers.",
        envelope.TRACEPARENT: "W3C trace context.",
        envelope.MESSAGE_ID: "The id again, by which NATS knows a repetition.",
    }
    properties = {name: {"type": "string", "description": text} for name, text in headers.items()}
    return {"headers": {"type": "object", "properties": properties}, "contentType": "application/json"}
