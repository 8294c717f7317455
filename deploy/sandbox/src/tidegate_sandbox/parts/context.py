"""What all parts share while a sandbox is built: settings, users, an HTTP session, the API server's client."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tidegate_sandbox.addresses import API_SERVER_PORT, LOOPBACK
from tidegate_sandbox.credentials import ADMIN, User, make_users
from tidegate_sandbox.parts.api_server_client import ApiServerClient
from tidegate_sandbox.supervisor.settings import Settings
from tidegate_sandbox.supervisor.steps import NotReadyError, Probe

HTTP_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=2)
KUBECONFIGS_INSIDE = "kubeconfigs/inside"
KUBECONFIGS_OUTSIDE = "kubeconfigs/outside"


@dataclass(frozen=True)
class Context:
    settings: Settings
    users: tuple[User, ...]
    session: aiohttp.ClientSession

    def folder(self, name: str) -> Path:
        """A folder of the sandbox, made when missing."""
        folder = self.settings.directory / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def certificate_authority(self) -> Path:
        """The API server makes it when it starts for the first time."""
        return self.settings.directory / "kubernetes" / "certificates" / "apiserver.crt"

    def kubeconfig(self, user: str) -> Path:
        return self.settings.directory / KUBECONFIGS_INSIDE / f"{user}.yaml"

    def api_server(self) -> ApiServerClient:
        """A client with all rights; only after the API server has written its certificate."""
        if not self.certificate_authority.exists():
            raise NotReadyError("the API server has no certificate yet")
        token = next(user.token for user in self.users if user.kubeconfig_name == ADMIN)
        trust = ssl.create_default_context(cafile=str(self.certificate_authority))
        return ApiServerClient(self.session, f"https://{LOOPBACK}:{API_SERVER_PORT}", token, trust)

    def answers(self, url: str, *, verify: bool = True) -> Probe:
        """A probe: the URL answers 200; without `verify` behind any certificate."""

        async def probe() -> None:
            try:
                async with self.session.get(url, ssl=verify) as response:
                    status = response.status
            except (aiohttp.ClientError, TimeoutError) as error:
                raise NotReadyError(str(error)) from error
            if status != 200:  # noqa: PLR2004
                raise NotReadyError(f"{url} answers {status}")

        return probe


@asynccontextmanager
async def open_context(settings: Settings) -> AsyncIterator[Context]:
    async with aiohttp.ClientSession(timeout=HTTP_TIMEOUT) as session:
        yield Context(settings, make_users(), session)
