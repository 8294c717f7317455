"""A template run by hand: what the command line says, each measurement as it is taken, and a status for scripts."""

import pytest
from support.metric_providers import ScriptedValues, ToldValue
from support.templates import TemplateShelf, metric, template

from tidegate_chassis.clock import Clock
from tidegate_metrics_analyzer import by_hand, template_past
from tidegate_metrics_analyzer.judge import Verdict
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.past import Period, moment_s, period
from tidegate_metrics_analyzer.question import RangeAnswer, RangeQuestion, Unusable, Value

SHELF = TemplateShelf(
    rate=template(
        metric(query="{{args.q}}", interval="100ms", count=2, successCondition="result[0] > 0.9"), args=[{"name": "q"}]
    ),
    endless=template(metric(query="up", interval="1s", successCondition="result[0] > 0.9")),
)


class Remembering(ScriptedValues):
    """It answers for the past, too."""

    async def ask_range(self, question: RangeQuestion) -> RangeAnswer | Unusable:
        return Unusable(f"{question.query} is not asked so")


async def lines(
    *arguments: str, name: str = "rate", provider: ScriptedValues | None = None, **told: list[ToldValue]
) -> tuple[Verdict | None, list[str]]:
    said: list[str] = []

    def measurer(clock: Clock) -> Measurer:
        return Measurer({"prometheus": provider or ScriptedValues(**told)}, clock, SHELF)

    given = by_hand._parsed([name, "--namespace", "shop", *arguments])
    return await by_hand.shown(by_hand.run_of(given), given.period, measurer, said.append), said


async def test_each_measurement_is_shown_and_what_decided() -> None:
    verdict, said = await lines("--arg", "q=up", up=[Value(raw=[0.99])])
    assert verdict == "pass"
    first, second, decided, last = said
    assert first.endswith("errors: Successful [0.99]")
    assert second.endswith("errors: Successful [0.99]")
    assert decided.startswith("errors: pass: Successful due to 2 of 2 measurements successful")
    assert last == "verdict: pass"


@pytest.mark.parametrize(
    ("arguments", "told", "verdict", "status"),
    [
        (("--arg", "q=up"), [Value(raw=[0.5])], "fail", 1),
        ((), [Value(raw=[0.99])], "inconclusive", 3),
        (("--arg", "q=broken"), [Unusable("not asked")], "inconclusive", 3),
    ],
)
async def test_a_script_sees_how_it_ended(
    arguments: tuple[str, ...], told: list[ToldValue], verdict: Verdict, status: int
) -> None:
    found, _ = await lines(*arguments, up=told)
    assert (found, by_hand.STATUS[found]) == (verdict, status)


def test_the_command_line_is_told_from_the_services_own() -> None:
    assert by_hand.asked(["analyze", "rate"])
    assert not by_hand.asked([])
    with pytest.raises(SystemExit):
        by_hand._parsed(["rate", "--arg", "q"])


# as of the past

AT, AT_S = "2024-11-20T14:00:00Z", 1_732_111_200.0
THEN = ("--arg", "q=up", "--since", AT, "--until", "2024-11-20T14:00:05Z")


async def test_it_is_measured_as_it_would_have_been_then() -> None:
    provider = Remembering(up=[Value(raw=[0.99]), Value(raw=[0.95])])
    verdict, said = await lines(*THEN, provider=provider)
    assert verdict == "pass"
    assert said[:2] == [f"{AT}  errors: Successful [0.99]", f"{AT}  errors: Successful [0.95]"]
    assert [question.at_s for question in provider.questions] == pytest.approx([AT_S, AT_S + 0.1])


async def test_at_one_moment_it_is_measured_once() -> None:
    provider = Remembering(up=[Value(raw=[0.99])])
    verdict, said = await lines("--arg", "q=up", "--at", AT, provider=provider)
    assert (verdict, len(provider.questions)) == (None, 1)
    assert said[0] == f"{AT}  errors: Successful [0.99]"
    assert said[-1] == "verdict: none yet"
    assert by_hand.STATUS[verdict] == 3


async def test_a_metric_that_would_go_on_passes_with_the_time_if_it_was_good_at_its_end() -> None:
    for last, expected in ((0.99, "pass"), (0.5, "fail")):
        provider = Remembering(up=[*[Value(raw=[0.99])] * 5, Value(raw=[last])])
        verdict, _ = await lines(*THEN, name="endless", provider=provider)
        assert (verdict, len(provider.questions)) == (expected, 6)


async def test_a_provider_that_only_knows_the_present_is_asked_nothing() -> None:
    provider = ScriptedValues(up=[Value(raw=[0.99])])
    verdict, said = await lines(*THEN, provider=provider)
    assert (verdict, provider.questions) == ("inconclusive", [])
    assert "the metric provider 'prometheus' only knows the present" in said[0]


async def test_a_time_that_is_too_long_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_past, "MEASUREMENTS_MAX", 1)
    verdict, said = await lines(*THEN, provider=Remembering(up=[Value(raw=[0.99])]))
    assert verdict is None
    assert said[1] == "stopped after 1 measurements: give a shorter time"


def test_times_are_said_by_the_calendar_or_by_how_long_ago() -> None:
    now_s = AT_S + 3600.0
    assert moment_s(AT, now_s) == moment_s("2024-11-20T15:00:00+01:00", now_s) == moment_s("1h", now_s) == AT_S
    assert period(None, "1h", None, now_s) == Period(AT_S, now_s)
    assert period(None, "1h", "30m", now_s) == Period(AT_S, AT_S + 1800.0)
    assert period(AT, None, None, now_s) == Period(AT_S, AT_S)
    assert period(None, None, None, now_s) is None


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"at": "yesterday"}, "'yesterday' is not a time that is over"),
        ({"at": "2024-11-20T14:00:00"}, "with its zone"),
        ({"at": "2126-11-20T14:00:00Z"}, "a time that is over"),
        ({"at": "-5m"}, "a time that is over"),
        ({"at": AT, "since": AT}, "--at stands alone"),
        ({"until": AT}, "--until needs --since"),
        ({"since": "10m", "until": "20m"}, "swap them"),
    ],
)
def test_a_time_that_makes_no_sense_is_refused_with_the_rule(said: dict[str, str], rule: str) -> None:
    given = {"at": None, "since": None, "until": None} | said
    with pytest.raises(ValueError, match=rule):
        period(**given, now_s=AT_S + 3600.0)
