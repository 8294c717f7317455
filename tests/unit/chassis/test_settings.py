import pytest

from tidegate_chassis.settings import Settings, SettingsError, load


class WithMore(Settings, frozen=True, kw_only=True):
    limit: int
    api_token: str = ""


def test_unset_and_empty_variables_leave_the_defaults() -> None:
    assert load(Settings, {"TIDEGATE_HTTP_PORT": "", "UNRELATED": "1"}) == Settings()


def test_a_variable_becomes_a_field_of_its_own_type() -> None:
    settings = load(WithMore, {"TIDEGATE_LIMIT": "7", "TIDEGATE_HTTP_PORT": "9000", "TIDEGATE_STOP_TIMEOUT_S": "2.5"})
    assert (settings.limit, settings.http_port, settings.stop_timeout_s) == (7, 9000, 2.5)


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        load(WithMore, {"TIDEGATE_HTTP_PORT": "many", "TIDEGATE_LOG_LEVEL": "loud"})
    told = {problem.partition(" ")[0].rstrip(":") for problem in refused.value.problems}
    assert told == {"TIDEGATE_LOG_LEVEL", "TIDEGATE_HTTP_PORT", "TIDEGATE_LIMIT"}


def test_secrets_are_not_shown() -> None:
    shown = repr(WithMore(limit=1, nats_password="hunter2", api_token="hunter3", nats_url="nats://me:hunter4@host:1"))
    assert "hunter" not in shown
    assert "limit=1" in shown
    assert "nats_url='nats://host:1'" in shown
