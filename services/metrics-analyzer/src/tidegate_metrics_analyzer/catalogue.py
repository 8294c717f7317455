"""The metric providers that are installed, opened once for the life of the service.

Called by `app`. One that isn't configured, or whose code can't be loaded, doesn't keep the service from starting:
checks that name it are inconclusive with the reason.
"""

import importlib.metadata
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from tidegate_chassis.errors import Permanent
from tidegate_metrics_analyzer.provider import GROUP, MetricProvider
from tidegate_metrics_analyzer.question import Unusable

_log = structlog.get_logger()


@asynccontextmanager
async def opened(environment: Mapping[str, str]) -> AsyncIterator[Mapping[str, MetricProvider | Unusable]]:
    """Every installed provider by the name that checks use."""
    async with AsyncExitStack() as stack:
        providers: dict[str, MetricProvider | Unusable] = {}
        for entry in importlib.metadata.entry_points(group=GROUP):
            provider = await _opened(entry, environment, stack)
            if isinstance(provider, Unusable):
                _log.warning("metric provider not usable", provider=entry.name, reason=provider.reason)
            providers[entry.name] = provider
        yield providers


async def _opened(
    entry: importlib.metadata.EntryPoint, environment: Mapping[str, str], stack: AsyncExitStack
) -> MetricProvider | Unusable:
    try:
        kind: type[MetricProvider] = entry.load()
        return await stack.enter_async_context(kind.opened(environment))
    except Permanent as error:
        return Unusable(error.reason)
    except (ImportError, AttributeError) as error:
        return Unusable(f"the metric provider {entry.name!r} can't be loaded: {error}")
