import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_sandbox.podlet.behaviour import Behaviour, Misconfigured, parse


@pytest.mark.parametrize(
    ("image", "version"),
    [
        pytest.param("registry.example/web:v3", "v3", id="tag"),
        pytest.param("registry.example:5000/web", "latest", id="registry-port-is-no-tag"),
        pytest.param("registry.example:5000/web:v1.2-rc1", "v1.2-rc1", id="registry-port-and-tag"),
        pytest.param("web", "latest", id="bare-name"),
        pytest.param("web:v2@sha256:0123456789abcdef", "v2", id="tag-and-digest"),
        pytest.param("web@sha256:0123456789abcdef", "0123456789ab", id="digest-alone"),
    ],
)
def test_the_version_is_what_the_image_says(image: str, version: str) -> None:
    assert parse(image, {}) == Behaviour(version=version)


def test_every_part_of_a_tag_sets_its_behaviour() -> None:
    image = "registry.example/web:v3_errors-10_ready-0.5_latency-20_crash-7_exit-9_code-3_drain-4_flap-2_pull-fail"
    assert parse(image, {}) == Behaviour(
        version="v3",
        error_percent=10.0,
        ready_after_s=0.5,
        latency_s=0.02,
        crash_after_s=7.0,
        exit_after_s=9.0,
        exit_code=3,
        drain_s=4.0,
        flap_s=2.0,
        pull_fails=True,
    )


def test_the_environment_wins_over_the_tag_key_by_key() -> None:
    parsed = parse("web:v3_errors-10_ready-never", {"PODLET_ERROR_PERCENT": "0.25", "PODLET_VERSION": "green"})
    assert parsed == Behaviour(version="green", error_percent=0.25, ready_after_s=None)


def test_variables_of_the_application_itself_are_left_alone() -> None:
    assert parse("web:v1", {"PATH": "/bin", "DATABASE": "postgres"}) == Behaviour(version="v1")


@pytest.mark.parametrize(
    ("image", "environment", "named"),
    [
        pytest.param("web:v1_colour-blue", {}, "colour-blue", id="unknown-tag-key"),
        pytest.param("web:v1_slow", {}, "slow", id="tag-part-without-value"),
        pytest.param("web:v1_errors-101", {}, "0 to 100", id="over-100-percent"),
        pytest.param("web:v1_latency-nan", {}, "latency-nan", id="not-a-number"),
        pytest.param("web:v1_ready-inf", {}, "ready-inf", id="infinite"),
        pytest.param("web:v1_flap-0", {}, "0.1 to", id="flapping-without-pause"),
        pytest.param("web:v1_pull-maybe", {}, "'fail' or 'ok'", id="neither-fail-nor-ok"),
        pytest.param("web:v1", {"PODLET_SPEED": "9"}, "PODLET_SPEED", id="unknown-variable"),
        pytest.param("web:v1", {"PODLET_VERSION": "v\r\nx: y"}, "printable", id="header-injection"),
    ],
)
def test_what_says_nothing_is_refused_by_name_and_rule(image: str, environment: dict[str, str], named: str) -> None:
    parsed = parse(image, environment)
    assert isinstance(parsed, Misconfigured)
    assert named in parsed.message


@given(image=st.text(max_size=80), value=st.text(max_size=20))
def test_no_text_whatever_breaks_the_parser(image: str, value: str) -> None:
    parsed = parse(image, {"PODLET_VERSION": value, "PODLET_READY_S": value})
    assert isinstance(parsed, Behaviour | Misconfigured)
