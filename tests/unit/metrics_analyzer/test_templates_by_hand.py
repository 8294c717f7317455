"""A template run by hand: what the command line says, each measurement as it is taken, and a status for scripts."""

import pytest
from support.metric_providers import ScriptedValues, ToldValue
from support.templates import TemplateShelf, metric, template

from tidegate_chassis.clock import SystemClock
from tidegate_metrics_analyzer import by_hand
from tidegate_metrics_analyzer.judge import Verdict
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.question import Unusable, Value

SHELF = TemplateShelf(
    rate=template(
        metric(query="{{args.q}}", interval="100ms", count=2, successCondition="result[0] > 0.9"), args=[{"name": "q"}]
    )
)


async def lines(*arguments: str, **told: list[ToldValue]) -> tuple[Verdict | None, list[str]]:
    said: list[str] = []
    measurer = Measurer({"prometheus": ScriptedValues(**told)}, SystemClock(), SHELF)
    run = by_hand.run_of(by_hand._parsed(["rate", "--namespace", "shop", *arguments]))
    return await by_hand.shown(run, measurer, said.append), said


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
