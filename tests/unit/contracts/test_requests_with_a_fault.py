"""Each rule of a request: broken once, it is named by field, value, rule and remedy; all faults are told at once."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tidegate_contracts import codec, limits
from tidegate_contracts.controls import Approve, JumpToStep, Pause
from tidegate_contracts.decisions import Inherited, RolloutAccepted, RolloutRejected
from tidegate_contracts.guards import GuardSet
from tidegate_contracts.plan import parse_target, plan
from tidegate_contracts.rollout import RolloutRequested
from tidegate_contracts.validate import validate, validate_control, validate_guard

NAMESPACE = "shop"


def good() -> dict[str, Any]:
    check = {"name": "errors", "query": 'rate(x{revision="{{revision}}"}[{{window}}])', "maximum": 0.01}
    return {
        "type": "rollout.requested.v1",
        "workload": {"name": "web"},
        "change": {"images": {"web": "web:v2"}, "template_patch": {"metadata": {}}},
        "steps": [
            {"replicas": 1, "traffic": {"weight_percent": 5, "matches": [{"headers": {"x-canary": "yes"}}]}},
            {
                "replicas": "20%",
                "traffic": {"weight_percent": 20},
                "pause": {"duration_s": 1},
                "analysis": {"checks": [check]},
            },
            {"replicas": "50%", "traffic": {"weight_percent": 50}, "pause": {}},
        ],
        "traffic": [{"route": "web", "service": "web"}],
        "analysis": {"checks": [dict(check)], "pod_health": {}},
    }


def request(change: Callable[[dict[str, Any]], object] = lambda _: None) -> RolloutRequested:
    document = good()
    change(document)
    return codec.decode_request(msgspec.json.encode(document))


def put(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Sets one value, by a path such as `steps.0.replicas`."""

    def change(document: dict[str, Any]) -> None:
        node: Any = document
        *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
        for parent in parents:
            node = node[parent]
        node[last] = value

    return change


def test_a_good_request_has_no_problem() -> None:
    assert validate(request(), NAMESPACE) == ()


def deep(levels: int) -> dict[str, Any]:
    node: dict[str, Any] = {}
    for _ in range(levels):
        node = {"metadata": node}
    return node


CHECK = "steps.1.analysis.checks.0"
FAULTS = [
    ("workload.name", "Web", "workload.name"),
    ("workload.name", "a" * 254, "workload.name"),
    ("workload.name", "web.*", "workload.name"),
    ("workload.name", "we\nb", "workload.name"),
    ("workload.kind", "deployment", "workload.kind"),
    ("workload.kind", "D" * 64, "workload.kind"),
    ("workload.api_version", "apps", "workload.api_version"),
    ("workload.namespace", "payments", "workload.namespace"),
    ("rollout", "R.1", "rollout"),
    ("rollout", "r" * 64, "rollout"),
    ("strategy", "big-bang", "strategy"),
    ("canary_metadata", {"labels": {"track": "new"}}, "canary_metadata"),
    ("analysis.extend_once", True, "analysis.extend_once"),
    ("analysis.answer_within_s", -1.0, "analysis.answer_within_s"),
    ("analysis.answer_within_s", 60.0, "analysis.answer_within_s"),
    ("failure_threshold", -1, "failure_threshold"),
    ("failure_threshold", 100_001, "failure_threshold"),
    ("failure_threshold", "101%", "failure_threshold"),
    ("failure_threshold", "1", "failure_threshold"),
    ("failure_threshold", "0.5%", "failure_threshold"),
    ("requested_by", "a\x1b[2Jb", "requested_by"),
    ("requested_by", "a" * 254, "requested_by"),
    ("change", {}, "change"),
    ("change.images", {"web": ""}, "change.images.web"),
    ("change.images", {"web": "a b"}, "change.images.web"),
    ("change.images", {"web": "a" * 513}, "change.images.web"),
    ("change.images", {"We b": "a"}, "change.images.We b"),
    ("change.images", {f"c{number}": "a" for number in range(21)}, "change.images"),
    ("change.template_patch", {"replicas": 3}, "change.template_patch"),
    ("change.template_patch", deep(21), "change.template_patch"),
    ("change.template_patch", {"metadata": {"annotations": {"a": "x" * 33_000}}}, "change.template_patch"),
    ("steps", [], "steps"),
    ("steps", [{"replicas": "1%"}] * 51, "steps"),
    ("steps.0.replicas", 0, "steps[0].replicas"),
    ("steps.0.replicas", -1, "steps[0].replicas"),
    ("steps.0.replicas", 100_001, "steps[0].replicas"),
    ("steps.0.replicas", "0%", "steps[0].replicas"),
    ("steps.0.replicas", "101%", "steps[0].replicas"),
    ("steps.0.replicas", "1.5%", "steps[0].replicas"),
    ("steps.0.replicas", "20", "steps[0].replicas"),
    ("steps.0.replicas", "٢٠%", "steps[0].replicas"),
    ("steps.2.replicas", "19%", "steps[2].replicas"),
    ("steps.1.traffic.weight_percent", 100, "steps[2].traffic.weight_percent"),
    ("steps.1.replicas", "100%", "steps[2].traffic.weight_percent"),
    ("steps.2.traffic.weight_percent", 101, "steps[2].traffic.weight_percent"),
    ("steps.0.traffic.weight_percent", -1, "steps[0].traffic.weight_percent"),
    ("steps.0.traffic.mirror_percent", 101, "steps[0].traffic.mirror_percent"),
    ("steps.2.replicas", "100%", "steps[2].traffic.weight_percent"),
    ("steps.1.pause.duration_s", -1, "steps[1].pause.duration_s"),
    ("steps.1.pause.duration_s", 1e9, "steps[1].pause.duration_s"),
    ("steps.0.traffic.matches", [{}], "steps[0].traffic.matches[0]"),
    ("steps.0.traffic.matches", [{"path_prefix": "/a"}] * 21, "steps[0].traffic.matches"),
    ("steps.0.traffic.matches", [{"path_prefix": "a"}], "steps[0].traffic.matches[0].path_prefix"),
    ("steps.0.traffic.matches", [{"path_prefix": "/" + "a" * 1024}], "steps[0].traffic.matches[0].path_prefix"),
    ("steps.0.traffic.matches", [{"headers": {"x y": "1"}}], "steps[0].traffic.matches[0].headers.x y"),
    ("steps.0.traffic.matches", [{"headers": {"x": ""}}], "steps[0].traffic.matches[0].headers.x"),
    ("steps.0.traffic.matches", [{"headers": {"x": "a\r\nb"}}], "steps[0].traffic.matches[0].headers.x"),
    ("steps.0.traffic.matches", [{"query": {f"q{n}": "1" for n in range(17)}}], "steps[0].traffic.matches[0].query"),
    ("traffic", [], "steps[0].traffic"),
    ("traffic", [{"route": f"r{n}", "service": "web"} for n in range(11)], "traffic"),
    ("traffic", [{"route": "web", "service": "web"}] * 2, "traffic[1].route"),
    ("traffic.0.route", "Web", "traffic[0].route"),
    ("traffic.0.service", "web.shop", "traffic[0].service"),
    ("traffic.0.router", "Istio", "traffic[0].router"),
    ("traffic.0.canary_service", "web", "traffic[0].canary_service"),
    ("traffic.0.grace_s", 601, "traffic[0].grace_s"),
    ("traffic.0.grace_s", -0.1, "traffic[0].grace_s"),
    ("analysis", {}, "analysis"),
    ("analysis.pod_health", {"restarts_maximum": -1}, "analysis.pod_health.restarts_maximum"),
    ("analysis.pod_health", {"ready_minimum_percent": 101}, "analysis.pod_health.ready_minimum_percent"),
    ("analysis.checks", [{"name": f"c{n}", "query": "x", "maximum": 1} for n in range(21)], "analysis.checks"),
    ("analysis.checks", [{"name": "same", "query": "x", "maximum": 1}] * 2, "analysis.checks[1].name"),
    (f"{CHECK}.name", "Errors", "steps[1].analysis.checks[0].name"),
    (f"{CHECK}.provider", "", "steps[1].analysis.checks[0].provider"),
    (f"{CHECK}.query", "", "steps[1].analysis.checks[0].query"),
    (f"{CHECK}.query", "x" * 4097, "steps[1].analysis.checks[0].query"),
    (f"{CHECK}.query", "x\x00", "steps[1].analysis.checks[0].query"),
    (f"{CHECK}.query", "x{{pod}}", "steps[1].analysis.checks[0].query"),
    (f"{CHECK}.minimum_samples_query", "", "steps[1].analysis.checks[0].minimum_samples_query"),
    (f"{CHECK}.maximum", None, "steps[1].analysis.checks[0].minimum"),
    (f"{CHECK}.minimum", 0.02, "steps[1].analysis.checks[0].minimum"),
    (f"{CHECK}.count", 0, "steps[1].analysis.checks[0].count"),
    (f"{CHECK}.failure_limit", 2001, "steps[1].analysis.checks[0].failure_limit"),
    (f"{CHECK}.inconclusive_limit", 0, "steps[1].analysis.checks[0].inconclusive_limit"),
    (f"{CHECK}.consecutive_error_limit", -1, "steps[1].analysis.checks[0].consecutive_error_limit"),
    (f"{CHECK}.minimum_samples", -1, "steps[1].analysis.checks[0].minimum_samples"),
    (f"{CHECK}.interval_s", 0.05, "steps[1].analysis.checks[0].interval_s"),
    (f"{CHECK}.window_s", 0, "steps[1].analysis.checks[0].window_s"),
    (f"{CHECK}.initial_delay_s", -1, "steps[1].analysis.checks[0].initial_delay_s"),
    (f"{CHECK}.initial_delay_s", 3600, "steps[1].analysis.checks[0]"),
    ("deadlines", {"progress_s": 0.5}, "deadlines.progress_s"),
    ("deadlines", {"traffic_s": 0}, "deadlines.traffic_s"),
    ("deadlines", {"analysis_s": 2.6e6}, "deadlines.analysis_s"),
]


@pytest.mark.parametrize(("path", "value", "field"), FAULTS, ids=lambda part: str(part)[:40])
def test_a_broken_rule_is_named(path: str, value: Any, field: str) -> None:
    problems = validate(request(put(path, value)), NAMESPACE)
    assert field in [problem.field for problem in problems]
    for problem in problems:
        assert problem.rule
        assert problem.remedy
        assert all(part.isprintable() for part in (problem.field, problem.value, problem.rule, problem.remedy))


METADATA_FAULTS = [
    ({}, "canary_metadata"),
    ({"labels": {"": "a"}}, "canary_metadata.labels."),
    ({"labels": {"a b": "a"}}, "canary_metadata.labels.a b"),
    ({"labels": {"a/b/c": "a"}}, "canary_metadata.labels.a/b/c"),
    ({"labels": {"/a": "a"}}, "canary_metadata.labels./a"),
    ({"labels": {"A.com/a": "a"}}, "canary_metadata.labels.A.com/a"),
    ({"labels": {"a" * 64: "a"}}, "canary_metadata.labels." + "a" * 64),
    ({"labels": {"a": "b" * 64}}, "canary_metadata.labels.a"),
    ({"labels": {"a": "b c"}}, "canary_metadata.labels.a"),
    ({"labels": {"a": "b-"}}, "canary_metadata.labels.a"),
    ({"labels": {"tidegate.io/rollout-id": "a"}}, "canary_metadata.labels.tidegate.io/rollout-id"),
    ({"labels": {"pod-template-hash": "a"}}, "canary_metadata.labels.pod-template-hash"),
    ({"labels": {f"a{number}": "b" for number in range(33)}}, "canary_metadata.labels"),
    ({"annotations": {"a*": ""}}, "canary_metadata.annotations.a*"),
    ({"annotations": {"a": "x" * 8193}}, "canary_metadata.annotations.a"),
    ({"annotations": {"tidegate.io/order-revision": "9"}}, "canary_metadata.annotations.tidegate.io/order-revision"),
    ({"annotations": {f"a{number}": "b" for number in range(33)}}, "canary_metadata.annotations"),
]


@pytest.mark.parametrize(("metadata", "field"), METADATA_FAULTS, ids=lambda part: str(part)[:40])
def test_a_broken_rule_of_the_extra_pods_metadata_is_named(metadata: dict[str, Any], field: str) -> None:
    asked = request(lambda document: document.update({"strategy": "canary", "canary_metadata": metadata}))
    assert [problem.field for problem in validate(asked, NAMESPACE)] == [field]


def test_the_extra_pods_may_have_any_metadata_that_kubernetes_takes() -> None:
    metadata = {"labels": {"example.com/a_B.c": "", "b": "1.x_Y"}, "annotations": {"note": "any text, even\na line"}}
    assert validate(request(lambda document: document.update(_canary(metadata))), NAMESPACE) == ()


def _canary(metadata: dict[str, Any]) -> dict[str, Any]:
    return {"strategy": "canary", "canary_metadata": metadata}


@pytest.mark.parametrize("threshold", [0, 3, "0%", "100%"])
def test_a_threshold_may_be_a_count_or_a_percentage(threshold: int | str) -> None:
    assert validate(request(put("failure_threshold", threshold)), NAMESPACE) == ()


def test_all_faults_are_told_at_once() -> None:
    def break_much(document: dict[str, Any]) -> None:
        for path, value in (
            ("workload.name", "W"),
            ("strategy", "x"),
            ("steps.0.replicas", 0),
            ("traffic.0.grace_s", -1),
        ):
            put(path, value)(document)

    fields = [problem.field for problem in validate(request(break_much), NAMESPACE)]
    assert fields == ["workload.name", "strategy", "steps[0].replicas", "traffic[0].grace_s"]


def accepted(asked: RolloutRequested) -> bytes:
    fields = {"rollout": "r" * 63, "revision": 10**6, "active": "r" * 63, "cause": "c" * 200, "at_s": 1e9}
    references = asked.traffic * 10
    return codec.encode(
        RolloutAccepted(
            **fields, request=asked, plan=plan(asked), supersedes="r" * 63, inherited=Inherited(traffic=references)
        )
    )


def many_checks(steps: int, checks: int) -> RolloutRequested:
    analysis = {"checks": [{"name": f"c{number}", "query": "x", "maximum": 1} for number in range(checks)]}
    said = [{"replicas": f"{number}%", "analysis": analysis} for number in range(1, steps + 1)]
    return request(lambda document: document.update({"steps": said, "traffic": [], "analysis": None}))


def test_whatever_is_taken_fits_into_an_accepted_event() -> None:
    sizes = []
    for checks in range(1, limits.CHECKS_MAX + 1):
        asked = many_checks(limits.STEPS_MAX, checks)
        assert len(codec.encode(asked)) > 0
        if validate(asked, NAMESPACE) == ():
            sizes.append(len(accepted(asked)))
    assert sizes
    assert max(sizes) <= limits.EVENT_BYTES_MAX


def test_a_small_message_that_says_too_much_is_refused() -> None:
    asked = many_checks(limits.STEPS_MAX, limits.CHECKS_MAX)
    (problem,) = validate(asked, NAMESPACE)
    assert problem.field == "message"
    assert len(accepted(asked)) > limits.EVENT_BYTES_MAX


def test_a_request_with_ever_so_many_faults_is_rejected_by_a_small_event() -> None:
    wrong = {"name": "\N{GRINNING FACE}" * 600, "query": "", "interval_s": -1, "window_s": -1}
    steps = [{"replicas": "0%", "analysis": {"checks": [wrong] * 5}}] * 2
    asked = request(lambda document: document.update({"steps": steps, "traffic": [], "analysis": None}))
    problems = validate(asked, NAMESPACE)
    assert len(problems) == limits.PROBLEMS_MAX
    fields = {"rollout": "r", "revision": 1, "active": None, "cause": "c" * 200, "at_s": 1e9}
    assert len(codec.encode(RolloutRejected(**fields, problems=problems))) <= limits.EVENT_BYTES_MAX


def test_counts_and_percentages_are_not_compared_with_each_other() -> None:
    steps = [{"replicas": 5}, {"replicas": "1%"}, {"replicas": 6}, {"replicas": "1%"}]
    change = {"steps": steps, "traffic": [], "analysis": None}
    assert validate(request(lambda document: document.update(change)), NAMESPACE) == ()


def test_the_largest_allowed_request_is_taken() -> None:
    steps = [{"replicas": f"{percent}%"} for percent in range(1, limits.STEPS_MAX + 1)]
    change = {"steps": steps, "traffic": [], "analysis": None, "requested_by": "x" * limits.AUTHOR_LENGTH_MAX}
    assert validate(request(lambda document: document.update(change)), NAMESPACE) == ()


@pytest.mark.parametrize(
    ("control", "field"),
    [
        (Approve(step=0), "step"),
        (JumpToStep(step=-3), "step"),
        (JumpToStep(step=limits.STEPS_MAX + 2), "step"),
        (Pause(by="x" * 254), "by"),
        (Pause(reason="a\nb"), "reason"),
        (Pause(reason="x" * 513), "reason"),
    ],
)
def test_a_controls_broken_rule_is_named(control: Any, field: str) -> None:
    assert [problem.field for problem in validate_control(control, "shop")] == [field]


def test_a_good_control_has_no_problem() -> None:
    assert validate_control(Approve(step=2, by="alice", reason="looks good"), "shop") == ()
    assert validate_control(Approve(), "shop") == ()


def test_the_plan_ends_with_everything_on_the_new_version() -> None:
    steps = plan(request())
    assert [step.weight_percent for step in steps] == [5, 20, 50, 100]
    assert [step.added for step in steps] == [False, False, False, True]
    assert steps[-1].target == parse_target("100%")
    assert [step.number for step in steps] == [1, 2, 3, 4]


def test_a_step_that_says_nothing_of_traffic_keeps_the_share_before() -> None:
    quiet = put("steps", [{"replicas": "20%", "traffic": {"weight_percent": 20}}, {"replicas": "40%"}])
    assert [step.weight_percent for step in plan(request(quiet))] == [20, 20, 100]


@pytest.mark.parametrize(("strategy", "highest"), [("partition", 99), ("canary", 100), ("blue_green", 100)])
def test_a_share_may_fall_while_stable_pods_can_take_it(strategy: str, highest: int) -> None:
    assert [weight for _, weight, _ in shares(strategy, (1, 20), ("40%", highest), ("60%", 0), ("80%", 50))] == [
        *(20, highest, 0, 50),
        100,
    ]


def test_without_routes_a_plan_has_no_shares() -> None:
    bare = {"steps": [{"replicas": "100%"}], "traffic": [], "analysis": None}
    steps = plan(request(lambda document: document.update(bare)))
    assert [(step.weight_percent, step.added) for step in steps] == [(None, False)]


def shares(strategy: str, *steps: tuple[str | int, int | None]) -> list[tuple[str | int | None, int | None, bool]]:
    """Pods, share and whether it was added, step by step, of the plan of a valid request."""
    said = [
        {"replicas": replicas} | ({} if weight is None else {"traffic": {"weight_percent": weight}})
        for replicas, weight in steps
    ]
    asked = request(lambda document: document.update({"strategy": strategy, "steps": said, "analysis": None}))
    assert validate(asked, NAMESPACE) == ()
    return [
        (
            step.target.count if step.target.percent is None else f"{step.target.percent}%",
            step.weight_percent,
            step.added,
        )
        for step in plan(asked)
    ]


@pytest.mark.parametrize("strategy", ["canary", "blue_green"])
def test_where_the_old_pods_stay_all_pods_may_have_any_share(strategy: str) -> None:
    assert shares(strategy, ("50%", 0), ("100%", 0), ("100%", 50), ("100%", 100)) == [
        ("50%", 0, False),
        ("100%", 0, False),
        ("100%", 50, False),
        ("100%", 100, False),
    ]


@pytest.mark.parametrize("strategy", ["canary", "blue_green"])
@pytest.mark.parametrize(
    ("said", "last_said"),
    [
        ((("100%", None),), ("100%", 0, False)),
        ((("50%", 100),), ("50%", 100, False)),
        ((("20%", 20), ("100%", None)), ("100%", 20, False)),
        (((10, 100),), (10, 100, False)),
    ],
    ids=str,
)
def test_where_the_old_pods_stay_a_last_step_brings_all_pods_and_all_traffic(
    strategy: str, said: tuple[tuple[str | int, int | None], ...], last_said: tuple[str | int, int, bool]
) -> None:
    assert shares(strategy, *said)[-2:] == [last_said, ("100%", 100, True)]


def test_where_the_old_pods_stay_a_share_that_is_whole_stays_so() -> None:
    assert shares("blue_green", ("50%", 100), ("100%", None)) == [("50%", 100, False), ("100%", 100, False)]


@pytest.mark.parametrize("strategy", ["canary", "blue_green"])
def test_without_routes_all_pods_are_the_end_in_every_strategy(strategy: str) -> None:
    bare = {"strategy": strategy, "steps": [{"replicas": "50%"}], "traffic": [], "analysis": None}
    steps = plan(request(lambda document: document.update(bare)))
    assert [(step.target.percent, step.weight_percent, step.added) for step in steps] == [
        (50, None, False),
        (100, None, True),
    ]


@pytest.mark.parametrize(("annotation", "is_named"), [("", True), ("example.com/release", True), ("no name", False)])
def test_a_guard_names_releases_by_an_annotation_that_can_exist(annotation: str, is_named: bool) -> None:
    bare = request(lambda document: document.pop("change"))
    found = [each.field for each in validate_guard(GuardSet(request=bare, release_annotation=annotation), NAMESPACE)]
    assert found == ([] if is_named else ["release_annotation"])
