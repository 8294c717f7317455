"""Where the outbound door may lead: the rules for addresses, secrets and failing servers, without a socket."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from tidegate_metrics_analyzer.outbound import addresses, secrets
from tidegate_metrics_analyzer.outbound.breaker import FAILURES_MAX, REST_S_MAX, Breaker

POLICY = addresses.policy(
    "https://api.example.com/v1, http://gate.shop.svc:8080", "10.0.0.0/8", ("http://graphite:8081/graphite",)
)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/v1",
        "https://api.example.com:443/v1/runs?a=b",
        "http://gate.shop.svc:8080/",
        "http://gate.shop.svc:8080/any/where",
        "http://graphite:8081/graphite/render?target=x",
    ],
)
def test_what_is_listed_may_be_asked(url: str) -> None:
    assert POLICY.fault(URL(url)) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/v1",
        "https://api.example.com/v10",
        "https://api.example.com/",
        "https://api.example.com/v1/../admin",
        "https://api.example.com/v1/%2e%2e/admin",
        "https://api.example.com/v1/%2E%2E%2Fadmin",
        "https://api.example.com/v1/..%5cadmin",
        "https://api.example.com:8443/v1",
        "https://api.example.com.evil.org/v1",
        "https://api.example.com@evil.org/v1",
        "https://user:password@api.example.com/v1",
        "https://evil.org/https://api.example.com/v1",
        "http://gate.shop.svc/",
        "http://graphite:8081/",
        "file:///etc/passwd",
        "gopher://gate.shop.svc:8080/",
        "//gate.shop.svc:8080/",
        "",
    ],
)
def test_what_is_not_listed_may_not_be_asked(url: str) -> None:
    assert POLICY.fault(URL(url)) is not None


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::101:101"])
def test_public_addresses_and_allowed_networks_may_be_connected_to(address: str) -> None:
    assert POLICY.may_connect(address) is (address != "::ffff:10.1.2.3")


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "::", "169.254.169.254", "fe80::1", "fe80::1%eth0"),
        *("192.168.0.1", "172.16.0.1", "100.64.0.1", "fd00::1", "224.0.0.1", "ff02::1", "255.255.255.255"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "2002:7f00:0001::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
        *("127.1", "2130706433", "0x7f.1", "", "localhost", "1.2.3"),
    ],
)
def test_places_that_only_we_can_reach_may_not_be_connected_to(address: str) -> None:
    assert not POLICY.may_connect(address)


@pytest.mark.parametrize(
    ("urls", "networks"),
    [("example.com", ""), ("ftp://h/", ""), ("https://h/?a", ""), ("", "10.0.0.1/8"), ("", "office")],
)
def test_a_wrong_list_is_refused_when_it_is_read(urls: str, networks: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        addresses.policy(urls, networks)


@given(st.text(max_size=60))
def test_no_url_is_an_exception(text: str) -> None:
    try:
        url = URL(text)
    except ValueError:
        return
    assert POLICY.fault(url) is not None


def mounted(directory: Path, text: str = "s3cret\n", path: str = "shop/quality/token") -> Path:
    file = directory / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return directory


def test_a_reference_becomes_the_secret_of_the_rollouts_own_namespace(tmp_path: Path) -> None:
    found = secrets.filled("Bearer ${secret:quality/token}", "shop", mounted(tmp_path))
    assert found == ("Bearer s3cret", ("s3cret",))
    with pytest.raises(ValueError, match="the secret quality/token of the namespace other"):
        secrets.filled("${secret:quality/token}", "other", tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        *("${secret:../shop/token}", "${secret:quality/../../x}", "${secret:/etc/passwd}", "${secret:quality}"),
        *(
            "${secret:quality/}",
            "${secret:quality/a/b}",
            "${secret:quality/..}",
            "${secret:}",
            "${secret:quality/token",
        ),
        "${secret:quality/missing}",
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="secret"):
        secrets.filled(text, "shop", mounted(tmp_path))


@pytest.mark.parametrize("text", ["", "\n", "a\nb", "x" * 9000])
def test_what_no_header_may_hold_is_no_secret(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="empty, too long or not printable"):
        secrets.filled("${secret:quality/token}", "shop", mounted(tmp_path, text))


def test_without_a_mount_or_a_namespace_there_are_no_secrets(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="TIDEGATE_SECRETS_DIRECTORY"):
        secrets.filled("${secret:quality/token}", "shop", None)
    with pytest.raises(ValueError, match="belong to a namespace"):
        secrets.filled("${secret:quality/token}", "..", mounted(tmp_path))


def test_a_failing_server_is_left_alone_for_longer_each_time_and_tried_by_one() -> None:
    breaker, now_s = Breaker(), 0.0
    for _ in range(FAILURES_MAX):
        assert breaker.refusal(now_s) is None
        breaker.failed(now_s, "HTTP 503")
    rests = []
    for _ in range(8):
        began_s = now_s
        while breaker.refusal(now_s):
            now_s += 0.5
        assert breaker.refusal(now_s) is not None, "only one tries"
        breaker.failed(now_s, "HTTP 503")
        rests.append(now_s - began_s)
    assert rests == [1, 2, 4, 8, 16, REST_S_MAX, REST_S_MAX, REST_S_MAX]
    breaker.succeeded()
    assert breaker.refusal(now_s) is None
