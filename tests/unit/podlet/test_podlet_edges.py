import base64
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tidegate_sandbox.podlet import kubeconfig
from tidegate_sandbox.podlet.behaviour import Behaviour
from tidegate_sandbox.podlet.nodes import node_status
from tidegate_sandbox.podlet.placement import Node
from tidegate_sandbox.podlet.site import PodSite
from tidegate_sandbox.podlet.watch import lines


@given(payload=st.binary(max_size=60), cuts=st.lists(st.integers(0, 60), max_size=6))
async def test_lines_are_the_same_however_the_stream_is_cut(payload: bytes, cuts: list[int]) -> None:
    payload += b"\n"
    edges = [0, *sorted(min(cut, len(payload)) for cut in cuts), len(payload)]

    async def chunks() -> AsyncIterator[bytes]:
        for start, end in itertools.pairwise(edges):
            yield payload[start:end]

    assert [line async for line in lines(chunks())] == [line for line in payload.split(b"\n") if line]


@given(percent=st.integers(0, 10_000).map(lambda steps: steps / 100), asked=st.integers(1, 500))
def test_errors_are_exact_to_the_request_at_any_rate(percent: float, asked: int) -> None:
    site = PodSite("web-1", Behaviour(error_percent=percent))
    errors = sum(site.answer("GET", "/").code == 500 for _ in range(asked))
    assert errors == int(asked * round(percent * 100) / 10_000)


def kubeconfig_file(folder: Path, cluster: dict[str, object], user: dict[str, object]) -> Path:
    path = folder / "config.yaml"
    document = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


def test_a_kubeconfig_gives_server_and_token(tmp_path: Path) -> None:
    access = kubeconfig.load(kubeconfig_file(tmp_path, {"server": "http://127.0.0.1:1/"}, {"token": "secret"}))
    assert (access.server, access.token, access.ssl_context) == ("http://127.0.0.1:1", "secret", None)


def test_a_token_may_be_in_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-file\n")
    path = kubeconfig_file(tmp_path, {"server": "http://x"}, {"tokenFile": "token"})
    assert kubeconfig.load(path).token == "from-file"


@pytest.mark.parametrize(
    ("cluster", "named"),
    [
        pytest.param({}, "server", id="no-server"),
        pytest.param({"server": "ftp://x"}, "ftp://x", id="no-http"),
        pytest.param({"server": "https://x", "tls-server-name": "y"}, "tls-server-name", id="unsupported"),
    ],
)
def test_a_kubeconfig_that_leads_nowhere_says_why(tmp_path: Path, cluster: dict[str, object], named: str) -> None:
    with pytest.raises(kubeconfig.KubeconfigError, match=named):
        kubeconfig.load(kubeconfig_file(tmp_path, cluster, {}))


def test_an_authority_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    nonsense = base64.b64encode(b"nonsense").decode()
    path = kubeconfig_file(tmp_path, {"server": "https://x", "certificate-authority-data": nonsense}, {})
    with pytest.raises(OSError, match=r"PEM|certificate"):
        kubeconfig.load(path)


def test_a_node_says_that_it_is_ready_and_has_room() -> None:
    status = node_status(Node("node-1", "10.244.0.128", {}), 1_800_000_000.0)
    conditions = {condition["type"]: condition["status"] for condition in status["conditions"]}
    assert conditions["Ready"] == "True"
    assert int(status["allocatable"]["pods"]) >= 1_000
