from typing import Any

import pytest
from msgspec.structs import replace
from support.kruise_rollouts import AUTHOR, refused, requested, steps

from tidegate_contracts.rollout import (
    Analysis,
    Bake,
    CanaryMetadata,
    Check,
    Deadlines,
    HeaderChange,
    HttpMatch,
    Pause,
    PodHealth,
    Step,
    StepTraffic,
    TrafficReference,
)
from tidegate_contracts.templates import TemplateArgument, TemplateReference

ROUTING = {"service": "web", "gracePeriodSeconds": 5, "gateway": {"httpRouteName": "web"}}
ISTIO = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "name": "mesh"}
CUSTOM = {"service": "web", "customNetworkRefs": [ISTIO]}
INGRESS = {"service": "web", "ingress": {"name": "web"}}
MODIFIED = {
    "replicas": 1,
    "traffic": "5%",
    "requestHeaderModifier": {
        "set": [{"name": "x-new", "value": "1"}],
        "add": [{"name": "x-also", "value": "2"}],
        "remove": ["x-old"],
    },
}


def test_a_canary_without_an_extra_workload_is_a_partition() -> None:
    wanted = requested()
    assert wanted.strategy == "partition"
    assert (wanted.workload.kind, wanted.workload.api_version, wanted.workload.name) == ("Deployment", "apps/v1", "web")
    assert (wanted.change, wanted.rollout, wanted.requested_by) == (None, None, AUTHOR)
    assert wanted.steps == (Step(replicas="20%"), Step(replicas="100%"))


@pytest.mark.parametrize(
    ("pause", "meant"),
    [({}, Pause()), ({"duration": 30}, Pause(duration_s=30.0)), ({"duration": 0}, None)],
)
def test_a_step_without_a_duration_waits_for_somebody(pause: dict[str, Any], meant: Pause | None) -> None:
    assert requested(steps=steps(1, "50%", pause=pause)).steps[0].pause == meant


def test_a_last_step_to_all_pods_waits_for_nobody_but_in_blue_green() -> None:
    to_all = steps("50%", "100%", pause={})
    assert [step.pause for step in requested(steps=to_all).steps] == [Pause(), None]
    assert [step.pause for step in requested(style="blueGreen", steps=to_all).steps] == [Pause(), Pause()]


def test_only_a_deployments_canary_gets_pods_of_its_own() -> None:
    block = {"enableExtraWorkloadForCanary": True, "patchPodTemplateMetadata": {"labels": {"track": "new"}}}
    assert requested(**block).strategy == "canary"
    assert requested(**block).canary_metadata == CanaryMetadata(labels={"track": "new"})
    clones = {"workloadRef": {"apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet", "name": "web"}}
    assert requested(spec=clones, **block).strategy == "partition"
    assert requested(spec=clones, **block).canary_metadata is None


def test_blue_green_ignores_the_failure_threshold() -> None:
    assert requested(style="blueGreen", failureThreshold=1).failure_threshold is None
    assert requested(style="blueGreen").strategy == "blue_green"
    assert requested(failureThreshold="10%").failure_threshold == "10%"


def test_shares_and_matches_go_to_the_route() -> None:
    matches = [{"headers": [{"name": "user", "value": "ann"}]}, {"path": {"value": "/api"}}, {"queryParams": []}]
    query = {"queryParams": [{"type": "Exact", "name": "beta", "value": "1"}]}
    written = [
        {"replicas": 1, "matches": [*matches[:2], query], "traffic": "5%"},
        {"replicas": "50%", "traffic": "20%"},
        {"replicas": "100%", "traffic": "100%"},
    ]
    wanted = requested(steps=written, trafficRoutings=[ROUTING])
    assert wanted.traffic == (TrafficReference(route="web", service="web", grace_s=5.0),)
    found = (HttpMatch(headers={"user": "ann"}), HttpMatch(path_prefix="/api"), HttpMatch(query={"beta": "1"}))
    assert [step.traffic for step in wanted.steps] == [
        StepTraffic(weight_percent=0, matches=found),
        StepTraffic(weight_percent=20),
        None,
    ]


def shares(*steps: dict[str, Any], routing: dict[str, Any] = ROUTING, **given: Any) -> list[int | None]:
    wanted = requested(steps=list(steps), trafficRoutings=[routing], **given)
    return [step.traffic.weight_percent if step.traffic is not None else None for step in wanted.steps]


def test_a_share_may_fall_as_in_kruise() -> None:
    falling = ({"replicas": 1, "traffic": "50%"}, {"replicas": 2, "traffic": "20%"})
    for block in ("canary", "blueGreen"):
        assert shares(*falling, style=block) == [50, 20]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({}, [20, 60, 80, None]),
        ({"enableExtraWorkloadForCanary": True}, [20, 37, 44, 50]),
        ({"style": "blueGreen"}, [20, 37, 44, 50]),
    ],
    ids=["partition", "canary", "blue-green"],
)
def test_new_pods_get_requests_by_their_number_in_a_step_that_says_nothing(
    given: dict[str, Any], meant: list[int | None]
) -> None:
    silent = [{"replicas": each} for each in ("60%", "80%", "100%")]
    assert shares({"replicas": "20%", "traffic": "20%"}, *silent, **given) == meant


def test_a_silent_step_takes_nothing_away_and_a_count_of_pods_tells_no_share() -> None:
    assert shares({"replicas": "50%", "traffic": "100%"}, {"replicas": "80%"}) == [100, None]
    assert shares({"replicas": 1, "traffic": "20%"}, {"replicas": 3}) == [20, None]


def test_all_pods_in_a_partition_have_all_of_the_traffic_whatever_the_step_says() -> None:
    clones = {"workloadRef": {"apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet", "name": "web"}}
    extra = {"enableExtraWorkloadForCanary": True, "spec": {**clones}}
    assert shares({"replicas": "50%", "traffic": "50%"}, {"replicas": "100%", "traffic": "60%"}, **extra) == [50, None]


def test_an_ingress_has_a_share_beside_its_matches_and_a_gateway_does_not() -> None:
    both = {"replicas": 1, "traffic": "5%", "matches": [{"headers": [{"name": "user", "value": "ann"}]}]}
    assert shares(both, routing=INGRESS) == [5]
    assert shares(both) == [0]
    assert shares(both, routing=ROUTING | INGRESS) == [0]


def test_every_kind_of_match_and_a_change_of_headers_are_carried() -> None:
    pattern = {"type": "RegularExpression", "name": "user", "value": "a.*"}
    matches = [
        {"headers": [pattern], "queryParams": [pattern | {"name": "q"}], "path": {"type": "Exact", "value": "/buy"}},
        {"path": {"type": "RegularExpression", "value": "/v[0-9]"}},
    ]
    wanted = requested(steps=[MODIFIED | {"matches": matches}, MODIFIED], trafficRoutings=[ROUTING])
    change = HeaderChange(set={"x-new": "1"}, add={"x-also": "2"}, remove=("x-old",))
    assert [step.traffic for step in wanted.steps] == [
        StepTraffic(
            weight_percent=0,
            matches=(
                HttpMatch(headers_regex={"user": "a.*"}, query_regex={"q": "a.*"}, path_exact="/buy"),
                HttpMatch(path_regex="/v[0-9]"),
            ),
            request_headers=change,
        ),
        StepTraffic(weight_percent=5, request_headers=change),
    ]


@pytest.mark.parametrize("class_type", ["", "nginx", "higress", "aliyun-alb", "mse"])
def test_an_ingress_goes_to_the_router_of_its_class_and_a_gateway_beside_it_to_its_own(class_type: str) -> None:
    ingress = {"name": "web"} | ({"classType": class_type} if class_type else {})
    wanted = requested(trafficRoutings=[ROUTING | {"ingress": ingress}])
    assert wanted.traffic == (
        TrafficReference(route="web", service="web", router=f"ingress-{class_type or 'nginx'}", grace_s=5.0),
        TrafficReference(route="web", service="web", grace_s=5.0),
    )


def test_an_ingress_of_any_other_class_goes_to_the_script_of_its_class() -> None:
    wanted = requested(trafficRoutings=[{"service": "web", "ingress": {"name": "web", "classType": "F5_big.ip"}}])
    (found,) = wanted.traffic
    assert found == TrafficReference(route="web", service="web", router="ingress-script", class_type="F5_big.ip")


def test_custom_networks_go_to_scripts_before_all_other_routes() -> None:
    refs = [ISTIO, ISTIO | {"kind": "DestinationRule"}]
    wanted = requested(trafficRoutings=[ROUTING | {"ingress": {"name": "web"}, "customNetworkRefs": refs}])
    assert [(each.router, each.kind, each.api_version, each.route) for each in wanted.traffic] == [
        ("script", "VirtualService", "networking.istio.io/v1", "mesh"),
        ("script", "DestinationRule", "networking.istio.io/v1", "mesh"),
        ("ingress-nginx", None, None, "web"),
        ("gateway-http-route", None, None, "web"),
    ]
    assert {each.canary_service for each in wanted.traffic} == {None}


@pytest.mark.parametrize("block", ["canary", "blueGreen"])
def test_without_a_canary_service_of_its_own_both_versions_are_behind_the_one(block: str) -> None:
    given = {"steps": [{"replicas": 1, "traffic": "20%"}], "disableGenerateCanaryService": True}
    wanted = requested(spec={"strategy": {block: given | {"trafficRoutings": [CUSTOM]}}})
    assert [(each.service, each.canary_service) for each in wanted.traffic] == [("web", "web")]


@pytest.mark.parametrize("class_type", ["mse", "own"])
def test_a_class_with_words_of_its_own_tells_versions_apart_behind_one_service(class_type: str) -> None:
    ingress = {"name": "web", "classType": class_type}
    wanted = requested(trafficRoutings=[{"service": "web", "ingress": ingress}], disableGenerateCanaryService=True)
    assert [each.canary_service for each in wanted.traffic] == ["web"]


def test_a_share_without_a_route_means_nothing() -> None:
    assert requested(steps=[{"replicas": 1, "traffic": "20%"}]).steps[0].traffic is None


def test_the_annotation_brings_it_back_in_batches() -> None:
    annotations = {"rollouts.kruise.io/rollback-in-batch": "true"}
    assert requested(metadata={"annotations": annotations}).rollback == "in_batches"
    assert requested().rollback == "at_once"


def test_what_is_ours_is_carried_too() -> None:
    check = {"name": "errors", "query": "errors", "maximum": 0.01, "windowSeconds": 60, "failureLimit": 3}
    judged = {"checks": [check], "podHealth": {"restartsMaximum": 1}}
    meant = Analysis(
        checks=(Check(name="errors", query="errors", maximum=0.01, window_s=60, failure_limit=3),),
        pod_health=PodHealth(restarts_maximum=1),
    )
    strategy = {
        "canary": {"steps": [{"replicas": 1, "analysis": judged}]},
        "analysis": judged,
        "onFailure": "Pause",
        "deadlines": {"progressSeconds": 90},
    }
    wanted = requested(spec={"strategy": strategy})
    assert (wanted.analysis, wanted.steps[0].analysis) == (meant, meant)
    assert wanted.on_failure == "pause"
    assert wanted.deadlines == Deadlines(progress_s=90)


def test_what_comes_of_a_verdict_and_a_bake_are_said_in_kruises_spelling() -> None:
    judged = {
        "checks": [{"name": "errors", "query": "errors", "maximum": 0.01, "dryRun": True}],
        "onFailure": "GoOn",
        "onInconclusive": "RollBack",
        "answerWithinSeconds": 600,
    }
    meant = Analysis(
        checks=(Check(name="errors", query="errors", maximum=0.01, dry_run=True),),
        on_failure="go_on",
        on_inconclusive="roll_back",
        answer_within_s=600,
    )
    steps = [{"replicas": 1, "analysis": judged | {"extendOnce": True}}]
    bake = {"durationSeconds": 3600, "analysis": judged}
    wanted = requested(spec={"strategy": {"canary": {"steps": steps}, "bake": bake}})
    assert wanted.steps[0].analysis == replace(meant, extend_once=True)
    assert wanted.bake == Bake(duration_s=3600, analysis=meant)


def test_a_background_analysis_begins_with_the_step_that_is_said() -> None:
    strategy = {"canary": {"steps": [{"replicas": 1}, {"replicas": 2}]}, "analysis": {"podHealth": {}}}
    assert requested(spec={"strategy": strategy}).analysis_from_step == 1
    assert requested(spec={"strategy": strategy | {"analysisFromStep": 2}}).analysis_from_step == 2
    assert refused(spec={"strategy": strategy | {"analysisFromStep": 3}}) == ["spec.strategy.analysisFromStep"]


def test_a_bake_that_cannot_be_is_told_in_kruises_words() -> None:
    strategy = {"canary": {"steps": [{"replicas": 1}]}, "bake": {"durationSeconds": 0}}
    assert refused(spec={"strategy": strategy}) == ["spec.strategy.bake.durationSeconds"]


def test_argos_templates_are_named_as_in_a_request() -> None:
    judged = {
        "templates": [{"name": "success-rate"}, {"name": "latency", "clusterScope": True}],
        "arguments": [{"name": "a", "value": "x"}, {"name": "b", "podTemplateHash": "latest"}],
        "dryRun": ["latency"],
        "quirks": "none",
    }
    wanted = requested(spec={"strategy": {"canary": {"steps": [{"replicas": 1, "analysis": judged}]}}})
    assert wanted.steps[0].analysis == Analysis(
        templates=(TemplateReference(name="success-rate"), TemplateReference(name="latency", cluster_scope=True)),
        arguments=(TemplateArgument(name="a", value="x"), TemplateArgument(name="b", pod_template_hash="latest")),
        dry_run=("latency",),
        quirks="none",
    )


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (
            {"trafficRoutings": [{"service": "web", "ingress": {"name": "web", "classType": "no class"}}]},
            "trafficRoutings[0].ingress.classType",
        ),
        ({"trafficRoutings": [{"service": "web", "ingress": {"name": "We"}}]}, "trafficRoutings[0].ingress.name"),
        ({"trafficRoutings": [ROUTING | {"gracePeriodSeconds": 601}]}, "trafficRoutings[0].gracePeriodSeconds"),
        (
            {
                "steps": [{"replicas": 1, "matches": [{"path": {"value": "/a"}}]}],
                "trafficRoutings": [INGRESS | ROUTING],
            },
            "steps[0].matches[0].path",
        ),
        (
            {"trafficRoutings": [CUSTOM | {"customNetworkRefs": [ISTIO, ISTIO]}]},
            "trafficRoutings[0].customNetworkRefs[1].name",
        ),
        (
            {"trafficRoutings": [CUSTOM | {"customNetworkRefs": [ISTIO | {"kind": "virtual"}]}]},
            "trafficRoutings[0].customNetworkRefs[0].kind",
        ),
        (
            {"trafficRoutings": [CUSTOM | {"customNetworkRefs": [{"kind": "VirtualService", "name": "web"}]}]},
            "trafficRoutings[0].customNetworkRefs[0].apiVersion",
        ),
        ({"trafficRoutings": [{"service": "web"}]}, "trafficRoutings[0].gateway"),
        ({"disableGenerateCanaryService": True, "trafficRoutings": [ROUTING]}, "disableGenerateCanaryService"),
        ({"disableGenerateCanaryService": True, "trafficRoutings": [INGRESS]}, "disableGenerateCanaryService"),
        ({"steps": [{"replicas": 1, "requestHeaderModifier": {"add": 1}}]}, "steps[0].requestHeaderModifier"),
        (
            {"steps": [MODIFIED | {"requestHeaderModifier": {"set": [{"name": "a b", "value": "1"}]}}]}
            | {"trafficRoutings": [ROUTING]},
            "steps[0].requestHeaderModifier.set.a b",
        ),
        ({"steps": [{"replicas": 1, "traffic": "a lot"}]}, "steps[0].traffic"),
        ({"steps": [{}]}, "steps[0].replicas"),
        (
            {"steps": [{"replicas": 1, "matches": [{"path": {"type": "Glob", "value": "/"}}]}]},
            "steps[0].matches[0].path.type",
        ),
        (
            {"steps": [{"replicas": 1, "matches": [{"headers": [{"type": "Prefix", "name": "a"}]}]}]},
            "steps[0].matches[0].headers[0].type",
        ),
    ],
)
def test_what_cannot_be_carried_is_told(given: dict[str, Any], field: str) -> None:
    assert f"spec.strategy.canary.{field}" in refused(**given)


def test_the_rules_of_requests_count() -> None:
    assert refused(steps=steps("50%", "20%")) == ["spec.strategy.canary.steps[1].replicas"]
    fallen = [{"replicas": 1, "traffic": "100%"}, {"replicas": 2, "traffic": "20%"}]
    assert refused(steps=fallen, trafficRoutings=[ROUTING]) == ["spec.strategy.canary.steps[1].traffic"]
    nameless = {"workloadRef": {"apiVersion": "apps", "kind": "deployment", "name": "Web"}}
    assert refused(spec=nameless) == ["spec.workloadRef.name", "spec.workloadRef.kind", "spec.workloadRef.apiVersion"]
    assert refused(spec={"strategy": {}}) == ["spec.strategy"]
