"""The metric providers that are installed, opened once for the life of the service.

Called by `app`. One that isn't configured, or whose code can't be loaded, doesn't keep the service from starting:
checks that name it are inconclusive with the reason.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from tidegate_chassis.errors import Permanent
from tidegate_chassis.plugins import PluginError, Plugins
from tidegate_metrics_analyzer.provider import GROUP, MetricProvider
from tidegate_metrics_analyzer.question import Unusable

_log = structlog.get_logger()


@asynccontextmanager
async def opened(environment: Mapping[str, str]) -> AsyncIterator[Mapping[str, MetricProvider | Unusable]]:
    """Every installed provider by the name that checks use."""
    plugins = Plugins(GROUP, MetricProvider)
    async with AsyncExitStack() as stack:
        providers: dict[str, MetricProvider | Unusable] = {}
        for name in plugins.names:
            provider = await _opened(plugins, name, environment, stack)
            if isinstance(provider, Unusable):
                _log.warning("metric provider not usable", provider=name, reason=provider.reason)
            providers[name] = provider
        yield providers


async def _opened(
    plugins: Plugins, name: str, environment: Mapping[str, str], stack: AsyncExitStack
) -> MetricProvider | Unusable:
    try:
        kind: type[MetricProvider] = plugins.load(name)
        return await stack.enter_async_context(kind.opened(environment))
    except Permanent as error:
        return Unusable(error.reason)
    except (ImportError, AttributeError, PluginError) as error:
        return Unusable(f"the metric provider {name!r} can't be loaded: {error}")
