"""Others' servers that speak for or against a version, on loopback: an Alertmanager and Flagger's load tester."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from support.metric_servers import running
from tidegate_sandbox.ports import free_port
from tidegate_sandbox.toolchain import ensure

CONFIGURATION: Final = """\
route:
  receiver: tidegate
  group_by: ["..."]
  group_wait: 0s
receivers:
  - name: tidegate
    webhook_configs:
      - url: {url}/alerts
        max_alerts: 1000
        http_config:
          authorization: {{type: Bearer, credentials_file: {token_file}}}
"""
"""That of docs/verdicts.md."""


@asynccontextmanager
async def alertmanager(directory: Path, analyzer_url: str, token_file: Path) -> AsyncIterator[str]:
    """Its address; it notifies the analyzer."""
    configuration, address = directory / "alertmanager.yml", f"127.0.0.1:{free_port()}"
    configuration.write_text(CONFIGURATION.format(url=analyzer_url, token_file=token_file))
    command = [
        str(ensure({"alertmanager"}).alertmanager),
        f"--config.file={configuration}",
        f"--storage.path={directory / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    async with running(command, directory, f"http://{address}", "/-/ready") as url:
        yield url


@asynccontextmanager
async def loadtester(directory: Path) -> AsyncIterator[str]:
    """Its address; it keeps its gates in memory, and runs what it is told to by `sh`."""
    port = free_port()
    command = [str(ensure({"flagger-loadtester"}).loadtester), f"-port={port}"]
    async with running(command, directory, f"http://127.0.0.1:{port}", "/healthz") as url:
        yield url
