"""Every built-in provider keeps the promises of the conformance kit, and no credential leaves any of them."""

from pathlib import Path

import pytest
import structlog
from support.provider_cases import CANARY, KINDS, case, environment, page_checks

from tidegate_chassis.plugins import Plugins
from tidegate_contracts.rollout import Analysis
from tidegate_contracts.validate_analysis import analysis_problems
from tidegate_metrics_analyzer import conformance
from tidegate_metrics_analyzer.provider import GROUP, MetricProvider


@pytest.mark.parametrize("name", KINDS)
async def test_a_built_in_provider_keeps_every_promise(name: str, tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as logged:
        assert await conformance.broken(case(name, tmp_path)) == []
    assert CANARY not in repr(logged)


def test_every_installed_provider_is_tried_here_and_has_its_example_on_the_page() -> None:
    plugins = Plugins(GROUP, MetricProvider)
    assert {name: plugins.load(name) for name in plugins.names} == KINDS
    assert set(page_checks()) == set(KINDS)


@pytest.mark.parametrize("name", KINDS)
async def test_the_pages_example_is_a_check_that_can_be_measured(name: str, tmp_path: Path) -> None:
    check = page_checks()[name]
    assert list(analysis_problems("analysis", Analysis(checks=(check,)))) == []
    async with KINDS[name].opened(environment(tmp_path)("http://127.0.0.1:1")) as provider:
        assert provider.fault(check.query) is None
        assert provider.reach(check.query).fixed_s == 0
