"""Real servers of metrics as processes on loopback, beside Prometheus: VictoriaMetrics, InfluxDB and Graphite."""

import asyncio
import fcntl
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp

from tidegate_sandbox import paths
from tidegate_sandbox.ports import free_port
from tidegate_sandbox.toolchain import ensure

START_TIMEOUT_S: Final = 30.0
POLL_S: Final = 0.05
INSTALL_TIMEOUT_S: Final = 600
GRAPHITE: Final = (
    *("graphite-web==1.1.10", "whisper==1.1.10", "Django==3.0.14", "django-tagging==0.4.3", "cairocffi==1.7.1"),
    *("asgiref==3.13.0", "cachetools==8.0.2", "cffi==2.1.1", "pycparser==3.12", "pyparsing==3.3.3", "pytz==2026.6"),
    *("six==1.17.0", "sqlparse==0.6.1", "urllib3==2.8.0"),
)
"""It draws, too, and so needs the system's libcairo, though nothing is drawn here."""

GRAPHITE_SETTINGS: Final = """
    from graphite.settings import *
    SECRET_KEY = "only for tests"
    STORAGE_DIR = WHISPER_DIR = LOG_DIR = "{storage}"
    STANDARD_DIRS, INDEX_FILE, CARBONLINK_HOSTS = [WHISPER_DIR], WHISPER_DIR + "/index", []
    ALLOWED_HOSTS, TIME_ZONE = ["*"], "UTC"
    DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": STORAGE_DIR + "/database"}}}}
"""
WHISPER_FILL: Final = """
    import json, os, sys, whisper
    for path, points in json.load(sys.stdin).items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        whisper.create(path, [(1, 3600)])
        whisper.update_many(path, points)
"""


@asynccontextmanager
async def victoria_metrics(directory: Path, *options: str) -> AsyncIterator[str]:
    """Its address; without the half minute for which it usually answers with older values."""
    address = f"127.0.0.1:{free_port()}"
    command = [
        str(ensure({"victoria-metrics"}).victoria_metrics),
        f"-httpListenAddr={address}",
        f"-storageDataPath={directory / 'victoria-metrics'}",
        *(options or ("-search.latencyOffset=0s",)),
    ]
    async with running(command, directory, f"http://{address}", "/health") as url:
        yield url


@asynccontextmanager
async def influxdb(directory: Path) -> AsyncIterator[str]:
    """Its address; it takes Flux as well as InfluxQL, from anybody."""
    address, data = f"127.0.0.1:{free_port()}", directory / "influxdb"
    environment = {
        "INFLUXDB_REPORTING_DISABLED": "true",
        "INFLUXDB_BIND_ADDRESS": f"127.0.0.1:{free_port()}",
        "INFLUXDB_HTTP_BIND_ADDRESS": address,
        "INFLUXDB_HTTP_FLUX_ENABLED": "true",
        "INFLUXDB_META_DIR": str(data / "meta"),
        "INFLUXDB_DATA_DIR": str(data / "data"),
        "INFLUXDB_DATA_WAL_DIR": str(data / "wal"),
    }
    command = [str(ensure({"influxdb"}).influxd)]
    async with running(command, directory, f"http://{address}", "/ping", environment) as url:
        yield url


@asynccontextmanager
async def graphite(directory: Path, points: Mapping[str, list[tuple[int, float]]]) -> AsyncIterator[str]:
    """graphite-web's address, over whisper files with these points by path, one for each second."""
    python = await asyncio.to_thread(_python_with_graphite)
    storage, settings = directory / "whisper", directory / "settings_of_graphite.py"
    storage.mkdir()
    settings.write_text(textwrap.dedent(GRAPHITE_SETTINGS.format(storage=storage)))
    files = {f"{storage}/{path.replace('.', '/')}.wsp": sorted(values) for path, values in points.items()}
    filling = [str(python), "-c", textwrap.dedent(WHISPER_FILL)]
    await asyncio.to_thread(subprocess.run, filling, input=json.dumps(files), text=True, check=True)
    django = [str(python), "-W", "ignore", "-m", "django"]
    environment = {"PYTHONPATH": str(directory), "DJANGO_SETTINGS_MODULE": settings.stem}
    migrating = [*django, "migrate", "--run-syncdb", "-v0"]
    await asyncio.to_thread(subprocess.run, migrating, env={**os.environ, **environment}, check=True)
    address = f"127.0.0.1:{free_port()}"
    command = [*django, "runserver", "--noreload", address]
    async with running(command, directory, f"http://{address}", "/metrics/find?query=*", environment) as url:
        yield url


def _python_with_graphite() -> Path:
    """An environment of its own in the cache: its libraries are older than ours."""
    home = paths.cache_home() / "tools" / GRAPHITE[0].replace("==", "-")
    home.parent.mkdir(parents=True, exist_ok=True)
    python, made = home / "bin" / "python", home / "made"
    with home.with_name(f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other tests' processes want it, too, and one of them makes it
        if not made.exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
            installing = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *GRAPHITE]
            subprocess.run(installing, check=True, timeout=INSTALL_TIMEOUT_S)
            made.touch()
    return python


@asynccontextmanager
async def running(
    command: list[str], directory: Path, url: str, health: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[str]:
    log = directory / f"{Path(command[0]).name}.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=out, stderr=out, env={**os.environ, **(environment or {})}
        )
    try:
        async with aiohttp.ClientSession() as session, asyncio.timeout(START_TIMEOUT_S):
            while not await _answers(session, url + health):
                assert process.returncode is None, log.read_text(errors="replace")[-2000:]
                await asyncio.sleep(POLL_S)
        yield url
    finally:
        process.kill()
        await process.wait()


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.ok
    except aiohttp.ClientError:
        return False
