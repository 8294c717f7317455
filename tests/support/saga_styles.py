"""Rollouts in the styles that keep every stable pod, for the tests of the saga."""

from typing import Any

import pytest

from support.saga import PROBLEM, ROUTE, Saga, request, step
from tidegate_contracts.facts import (
    BatchStalled,
    TrafficRefused,
    WorkloadChanged,
)
from tidegate_contracts.orders import (
    PromoteWorkload,
)
from tidegate_contracts.rollout import CanaryMetadata

STYLES = ("canary", "blue_green")
both = pytest.mark.parametrize("style", STYLES)
PREVIEW = (step("50%", 0), step("100%", 0), step("100%", 50), step("100%", 100))
METADATA = CanaryMetadata(labels={"track": "canary"})


def asked(style: str, *steps: Any, **fields: Any) -> Saga:
    saga = Saga()
    saga.ask(request(*(steps or PREVIEW), **{"strategy": style, "traffic": (ROUTE,), **fields}))
    return saga


def promoting(style: str, **fields: Any) -> Saga:
    """All pods and all traffic are new, and the workload's own pods are becoming so."""
    saga = asked(style, step("100%", 100), **fields)
    while not isinstance(saga.orders.workload, PromoteWorkload):
        saga.answer()
    return saga


def in_trouble(saga: Saga, trouble: str) -> Any:
    pods = saga.pod_fields()
    return {
        "stalled": BatchStalled(**pods, step=0, reason="no further pod got ready"),
        "changed": WorkloadChanged(**pods, what="the template", by="kubectl"),
        "traffic": TrafficRefused(**saga.traffic_fields(), problem=PROBLEM),
    }[trouble]
