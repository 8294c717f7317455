"""Where the API server is and how we prove who we are: from a kubeconfig or from the pod we run in.

kubernetes_asyncio reads the configuration (tokens, token files, client certificates, exec plugins, OIDC); this module
keeps it fresh for a process that runs for months. `transport` asks for the authorization before every request and
tells when the server refused it.
"""

import asyncio
import os
import ssl
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from tidegate_chassis.errors import Permanent, Transient
from tidegate_chassis.kubernetes.lean import configuration_modules

__all__ = ["Connection", "connect_in_cluster", "connect_kubeconfig", "load_connection"]

REFRESH_PERIOD_S = 60.0  # token files are rotated well before they expire, so a minute's delay is harmless
EXPIRY_MARGIN = timedelta(seconds=30)
LOAD_TIMEOUT_S = 30.0  # an exec plugin may have to ask its cloud


class CredentialSource(Protocol):
    """Fills a kubernetes_asyncio Configuration, now and again later."""

    async def load(self, configuration: Any) -> None:
        """Read everything anew."""

    def is_due(self) -> bool:
        """Whether what was read may have expired."""


class Connection:
    """One API server and our identity there."""

    def __init__(self, configuration: Any, source: CredentialSource) -> None:
        self._configuration = configuration
        self._source = source
        self._lock = asyncio.Lock()
        self._certificate_files: tuple[str | None, str | None] = (None, None)
        self.server: str = ""
        self.ssl_context: ssl.SSLContext | None = None

    async def load(self) -> "Connection":
        """Read the configuration; raises Transient where it can't be read now."""
        await self._reload()
        self.server = str(self._configuration.host).rstrip("/")
        if self.server.startswith("https:"):
            self.ssl_context = _ssl_context(self._configuration)
            self._certificate_files = self._configured_certificate()
            self._load_certificate(self.ssl_context)
        return self

    @property
    def proxy(self) -> str | None:
        """The kubeconfig's `proxy-url`; the environment's proxies are never used."""
        return self._configuration.proxy or None

    @property
    def server_hostname(self) -> str | None:
        return self._configuration.tls_server_name or None

    async def authorization(self) -> str | None:
        """The Authorization header's value, None for an identity by client certificate."""
        if self._source.is_due():
            async with self._lock:
                if self._source.is_due():
                    await self._renew()
        return self._header()

    async def renew(self, refused: str | None) -> bool:
        """Read the credentials anew after the server refused them.

        Returns:
            Whether they differ from the refused ones, so that asking again makes sense.
        """
        async with self._lock:
            if self._header() == refused:
                await self._renew()
            return self._header() != refused

    async def _renew(self) -> None:
        await self._reload()
        files = self._configured_certificate()
        if self.ssl_context is not None and files != self._certificate_files:
            self._certificate_files = files
            self._load_certificate(self.ssl_context)

    async def _reload(self) -> None:
        errors = (configuration_modules().exceptions.ConfigException, OSError, ValueError, TimeoutError)
        try:
            async with asyncio.timeout(LOAD_TIMEOUT_S):
                await self._source.load(self._configuration)
        except errors as error:
            raise Transient(f"Kubernetes credentials can't be read: {error}") from error

    def _header(self) -> str | None:
        token = self._configuration.api_key.get("BearerToken")
        return str(token).strip() if token else None

    def _configured_certificate(self) -> tuple[str | None, str | None]:
        return (self._configuration.cert_file, self._configuration.key_file)

    def _load_certificate(self, context: ssl.SSLContext) -> None:
        certificate_file, key_file = self._certificate_files
        if certificate_file:
            context.load_cert_chain(certificate_file, keyfile=key_file)


class KubeconfigSource:
    """A kubeconfig file and one context of it."""

    def __init__(self, path: str, context: str | None) -> None:
        self._path = path
        self._context = context
        self._loader: Any = None
        self._loaded_at_s = 0.0

    async def load(self, configuration: Any) -> None:
        # A new loader each time: it reads the file again and forgets an exec plugin's earlier answer.
        self._loader = await configuration_modules().kube_config.load_kube_config(
            config_file=self._path,
            context=self._context,
            client_configuration=configuration,
            persist_config=False,
        )
        self._loaded_at_s = time.monotonic()

    def is_due(self) -> bool:
        user = self._loader._user  # noqa: SLF001 - the loader has no public word for it
        if user is None:
            return False
        if "exec" in user:
            expiry: datetime | None = getattr(self._loader, "exec_plugin_expiry", None)
            return expiry is not None and datetime.now(UTC) >= expiry - EXPIRY_MARGIN
        rotates = "tokenFile" in user or self._loader.provider is not None
        return rotates and time.monotonic() - self._loaded_at_s >= REFRESH_PERIOD_S


class InClusterSource:
    """The service account that Kubernetes mounts into a pod; the token is rotated under our feet."""

    def __init__(self, token_file: str | None = None, certificate_file: str | None = None) -> None:
        module = configuration_modules().incluster_config
        self._token_file = token_file or module.SERVICE_TOKEN_FILENAME
        self._certificate_file = certificate_file or module.SERVICE_CERT_FILENAME
        self._loaded_at_s = 0.0

    async def load(self, configuration: Any) -> None:
        loader = configuration_modules().incluster_config.InClusterConfigLoader(
            token_filename=self._token_file, cert_filename=self._certificate_file, try_refresh_token=False
        )
        loader.load_and_set(configuration)
        self._loaded_at_s = time.monotonic()

    def is_due(self) -> bool:
        return time.monotonic() - self._loaded_at_s >= REFRESH_PERIOD_S


async def connect_kubeconfig(path: str, context: str | None = None) -> Connection:
    """Use a kubeconfig (several, separated as in KUBECONFIG, are merged)."""
    configuration = configuration_modules().configuration.Configuration()
    return await Connection(configuration, KubeconfigSource(path, context)).load()


async def connect_in_cluster(token_file: str | None = None, certificate_file: str | None = None) -> Connection:
    """Use the pod's service account."""
    configuration = configuration_modules().configuration.Configuration()
    return await Connection(configuration, InClusterSource(token_file, certificate_file)).load()


async def load_connection(kubeconfig: str | None, context: str | None = None) -> Connection:
    """The given kubeconfig, or the pod's service account when none is given.

    Raises:
        Permanent: There is neither.
        Transient: It can't be read at the moment.
    """
    if kubeconfig:
        return await connect_kubeconfig(kubeconfig, context)
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        return await connect_in_cluster()
    raise Permanent(
        "no Kubernetes API server is configured",
        code="no-cluster",
        field="KUBECONFIG",
        rule="a kubeconfig is named, or the process runs in a pod",
        remedy="set KUBECONFIG to a kubeconfig file",
    )


def _ssl_context(configuration: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.disable_strict_ssl_verification:
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
