"""Google Cloud Monitoring as a metric provider: its own PromQL endpoint, which speaks Prometheus' API.

Asked by `measure`. So a check's query is PromQL, and everything that the Prometheus provider promises holds.
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, Self

from yarl import URL

from tidegate_chassis.errors import Permanent
from tidegate_chassis.settings import Settings, load
from tidegate_metrics_analyzer.providers.prometheus import Prometheus

_PROJECT: Final = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", re.ASCII)


class GoogleMonitoringSettings(Settings, frozen=True, kw_only=True):
    google_monitoring_url: str = "https://monitoring.googleapis.com"
    google_monitoring_project: str = ""
    google_monitoring_token_file: str = ""
    """An OAuth access token, which someone beside us renews: it is read anew for each query."""


class GoogleMonitoring(Prometheus):
    """Prometheus at Google's address."""

    @classmethod
    @asynccontextmanager
    async def opened(cls, environment: Mapping[str, str]) -> AsyncIterator[Self]:
        settings = load(GoogleMonitoringSettings, environment)
        if not _PROJECT.fullmatch(settings.google_monitoring_project) or not settings.google_monitoring_token_file:
            raise Permanent(
                "not configured: TIDEGATE_GOOGLE_MONITORING_PROJECT and its TOKEN_FILE are not both set",
                code="not-configured",
                field="TIDEGATE_GOOGLE_MONITORING_PROJECT",
                rule="a project's id",
                remedy="Set it and the token's file.",
            )
        base = URL(settings.google_monitoring_url)
        asked = {
            "TIDEGATE_PROMETHEUS_URL": str(
                base / "v1/projects" / settings.google_monitoring_project / "location/global/prometheus"
            ),
            "TIDEGATE_PROMETHEUS_TOKEN_FILE": settings.google_monitoring_token_file,
            "TIDEGATE_PROMETHEUS_TIMEOUT_S": environment.get("TIDEGATE_PROMETHEUS_TIMEOUT_S", ""),
        }
        async with super().opened(asked) as provider:
            yield provider
