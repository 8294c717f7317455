import base64
import datetime as dt
import json
import shutil
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from support.fake_kubernetes import FakeApiServer, status_body, write_kubeconfig

from tidegate_chassis.errors import Permanent, Transient
from tidegate_chassis.kubernetes import connection as connections
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.connection import connect_in_cluster, connect_kubeconfig, load_connection

LEAN_MB_MAX = 12.0  # on top of aiohttp, which the bus' client brings along anyway

MEASURE = """
import re, sys
import aiohttp
def resident_mb():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
before = resident_mb()
import tidegate_chassis.kubernetes.client
from tidegate_chassis.kubernetes.lean import configuration_modules
modules = configuration_modules()
models = [name for name in sys.modules if name.startswith("kubernetes_asyncio.client.models")]
print(resident_mb() - before, len(models), "kubernetes_asyncio" in sys.modules)
"""

LATER = """
from tidegate_chassis.kubernetes.lean import configuration_modules
modules = configuration_modules()
from kubernetes_asyncio import client, config
assert client.Configuration is modules.configuration.Configuration
assert client.V1Pod and config.load_kube_config
"""


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_reading_configuration_costs_little_memory_and_no_model() -> None:
    resident_mb, models, package_left = run_python(MEASURE).split()

    assert float(resident_mb) < LEAN_MB_MAX
    assert (models, package_left) == ("0", "False")


def test_whoever_needs_the_full_client_can_still_import_it() -> None:
    run_python(LATER)


async def test_a_token_file_is_read_again_when_it_may_have_been_rotated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("one\n")
    path = write_kubeconfig(tmp_path / "config", "http://127.0.0.1:1", {"tokenFile": str(token_file)})
    connection = await connect_kubeconfig(path)
    token_file.write_text("two\n")

    assert await connection.authorization() == "Bearer one"
    monkeypatch.setattr(connections, "REFRESH_PERIOD_S", 0.0)
    assert await connection.authorization() == "Bearer two"


def exec_user(tmp_path: Path, expires_in_s: float | None) -> dict[str, object]:
    """A plugin that answers with the number of its calls as the token."""
    plugin, calls = tmp_path / "plugin.py", tmp_path / "calls"
    expiry = "None"
    if expires_in_s is not None:
        expiry = f"(datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds={expires_in_s})).isoformat()"
    plugin.write_text(
        "import datetime, json, pathlib\n"
        f"calls = pathlib.Path({str(calls)!r})\n"
        "number = len(calls.read_text()) + 1 if calls.exists() else 1\n"
        "calls.write_text('x' * number)\n"
        f"status = {{'token': f'call-{{number}}', 'expirationTimestamp': {expiry}}}\n"
        "status = {key: value for key, value in status.items() if value}\n"
        "print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential',"
        " 'status': status}))\n"
    )
    api_version = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": api_version, "command": sys.executable, "args": [str(plugin)]}}


async def test_an_exec_plugin_is_asked_again_only_when_its_token_expires(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "config", "http://127.0.0.1:1", exec_user(tmp_path, expires_in_s=3600))
    connection = await connect_kubeconfig(path)
    assert await connection.authorization() == "Bearer call-1"
    assert await connection.authorization() == "Bearer call-1"

    loader = connection._source._loader
    loader.exec_plugin_expiry = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5)
    assert await connection.authorization() == "Bearer call-2"


async def test_an_exec_plugin_without_expiry_is_asked_again_when_the_server_refuses(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "config", "http://127.0.0.1:1", exec_user(tmp_path, expires_in_s=None))
    connection = await connect_kubeconfig(path)
    first = await connection.authorization()

    assert await connection.renew(first) is True
    assert await connection.renew(first) is True, "somebody else renewed it already"
    assert await connection.authorization() == "Bearer call-2"


async def test_a_failing_exec_plugin_is_transient_and_says_why(tmp_path: Path) -> None:
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "false"}}

    with pytest.raises(Transient, match="process returned 1"):
        await connect_kubeconfig(write_kubeconfig(tmp_path / "config", "http://127.0.0.1:1", user))


async def test_a_missing_kubeconfig_is_transient_and_no_cluster_at_all_is_permanent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Transient):
        await load_connection(str(tmp_path / "absent"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(Permanent, match="no Kubernetes API server"):
        await load_connection(None)


async def test_a_refused_token_is_renewed_and_the_request_sent_once_more(server: FakeApiServer, tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("old")
    path = write_kubeconfig(tmp_path / "config", server.url, {"tokenFile": str(token_file)})
    async with KubernetesClient(await connect_kubeconfig(path), field_manager="tester") as client:
        token_file.write_text("new")
        server.answers.append(web.json_response(status_body(401, "Unauthorized"), status=401))
        server.answers.append(web.Response(text="ok"))

        assert await client.get_path("/version") == b"ok"
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer old", "Bearer new"]


async def test_a_token_that_stays_refused_is_transient_and_asked_once(server: FakeApiServer, tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "config", server.url, {"token": "wrong"})
    server.answers.append(web.json_response(status_body(401, "Unauthorized", "who are you"), status=401))
    async with KubernetesClient(await connect_kubeconfig(path), field_manager="tester") as client:
        with pytest.raises(Transient, match="who are you"):
            await client.get_path("/version")
    assert len(server.requests) == 1


class Authority:
    """A certificate authority made by openssl, and what it signed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-days", "2",
                  "-subj", "/CN=test-ca", "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
        self._sign("server")
        self._sign("client")

    def _run(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def _sign(self, name: str) -> None:
        (self.folder / "extensions").write_text(
            "subjectAltName=IP:127.0.0.1\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
        )
        self._run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                  "-subj", f"/CN={name}")  # fmt: skip
        self._run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                  "-out", f"{name}.crt", "-days", "2", "-extfile", "extensions")  # fmt: skip

    def data(self, name: str) -> str:
        return base64.b64encode((self.folder / name).read_bytes()).decode()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates of this test")
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def secure_server(authority: Authority) -> AsyncIterator[str]:
    """Serves /version to clients with a certificate; answers their name and Authorization header."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.folder / "ca.crt"))
    context.load_cert_chain(authority.folder / "server.crt", authority.folder / "server.key")
    context.verify_mode = ssl.CERT_OPTIONAL

    async def version(request: web.Request) -> web.Response:
        assert request.transport is not None
        certificate = request.transport.get_extra_info("peercert")
        name = certificate["subject"][0][0][1] if certificate else None
        return web.json_response([name, request.headers.get("Authorization")])

    app = web.Application()
    app.router.add_get("/version", version)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    assert site._server is not None
    yield f"https://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    await runner.cleanup()


async def ask(path: str) -> list[str | None]:
    async with KubernetesClient(await connect_kubeconfig(path), field_manager="tester") as client:
        answer: list[str | None] = json.loads(await client.get_path("/version"))
        return answer


async def test_a_client_certificate_in_the_kubeconfig_is_presented(
    authority: Authority, secure_server: str, tmp_path: Path
) -> None:
    user: dict[str, object] = {
        "client-certificate-data": authority.data("client.crt"),
        "client-key-data": authority.data("client.key"),
    }
    cluster: dict[str, object] = {"certificate-authority-data": authority.data("ca.crt")}

    assert await ask(write_kubeconfig(tmp_path / "config", secure_server, user, cluster)) == ["client", None]


async def test_a_server_of_another_authority_is_not_trusted(
    authority: Authority, secure_server: str, tmp_path: Path
) -> None:
    path = write_kubeconfig(tmp_path / "config", secure_server, {"token": "secret"})

    with pytest.raises(Transient, match="certificate verify failed"):
        await ask(path)


async def test_in_a_pod_the_mounted_token_is_used_and_followed_when_rotated(
    authority: Authority, secure_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, _, port = secure_server.removeprefix("https://").partition(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    token_file = tmp_path / "token"
    token_file.write_text("one")
    connection = await connect_in_cluster(str(token_file), str(authority.folder / "ca.crt"))
    async with KubernetesClient(connection, field_manager="tester") as client:
        assert json.loads(await client.get_path("/version")) == [None, "Bearer one"]
        token_file.write_text("two")
        monkeypatch.setattr(connections, "REFRESH_PERIOD_S", 0.0)
        assert json.loads(await client.get_path("/version")) == [None, "Bearer two"]
