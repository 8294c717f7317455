"""What is made of a template's `job` block, what is refused, and what a Job and its pods say."""

import asyncio
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from support.clock import ManualClock
from support.templates import TemplateShelf, template

from tidegate_chassis.kubernetes.objects import ObjectMeta
from tidegate_contracts.rollout import Analysis
from tidegate_contracts.templates import TemplateReference
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer.argo.phase import Found
from tidegate_metrics_analyzer.job_source import Ran, Turn
from tidegate_metrics_analyzer.jobs import document, manifest
from tidegate_metrics_analyzer.jobs.outcome import Job, JobPod, outcome
from tidegate_metrics_analyzer.jobs.watching import JobWatch
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.question import Subject
from tidegate_metrics_analyzer.template_run import TemplateRun

WEB = WorkloadReference(name="web")
POD: dict[str, Any] = {"spec": {"restartPolicy": "Never", "containers": [{"name": "test", "image": "smoke:v1"}]}}
TURN = Turn(analysis="r-1/3/step", namespace="shop", workload=WEB, metric="Smoke test!", number=3, kept=2)
OWNER = ObjectMeta(name="web", uid="u-1")


def made(turn: Turn = TURN, owner: ObjectMeta | None = OWNER, **spec: Any) -> dict[str, Any]:
    block = {"metadata": {"labels": {"team": "shop", manifest.ANALYSIS: "forged"}}, "spec": {"template": POD, **spec}}
    return manifest.manifest(document.read(block), turn, owner, 600)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({}, "spec"),
        ({"spec": {"template": POD}, "metadata": {"namespace": "kube-system"}}, "namespace"),
        ({"spec": {"template": POD}, "metadata": {"ownerReferences": []}}, "ownerReferences"),
        ({"spec": {"template": POD, "suspend": True}}, "spec.suspend is True"),
        ({"spec": {"template": POD, "suspend": "yes"}}, "spec.suspend is 'yes'"),
        ({"spec": {"template": POD, "manualSelector": True}}, "spec.manualSelector"),
        ({"spec": {"template": POD, "managedBy": "x/y"}}, "spec.managedBy"),
        ({"spec": {"template": POD, "parallelism": 0}}, "spec.parallelism is 0"),
        ({"spec": {"template": POD, "activeDeadlineSeconds": "60"}}, "spec.activeDeadlineSeconds is '60'"),
        ({"spec": {"template": {"spec": {"restartPolicy": "Never"}}}}, "containers is empty"),
        ({"spec": {"template": []}}, "containers is empty"),
        ({"spec": {"template": {"spec": POD["spec"] | {"restartPolicy": "Always"}}}}, "restartPolicy is 'Always'"),
        ({"spec": {"template": POD | {"metadata": ["x"]}}}, "spec.template.metadata is ['x']"),
        ({"spec": {"template": POD | {"metadata": {"labels": "x"}}}}, "spec.template.metadata is {'labels': 'x'}"),
        ({"spec": {"template": POD, "x": "${secret:quality/token}"}}, "secretKeyRef"),
    ],
)
def test_a_job_that_would_not_end_or_reaches_elsewhere_is_refused(block: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        document.read(block)


def test_the_pages_example_is_a_job_that_is_made() -> None:
    page = (Path(__file__).parents[3] / "docs" / "templates.md").read_text()
    (example,) = [block for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "job:" in block]
    (metric,) = yaml.safe_load(example)["metrics"]
    job = manifest.manifest(document.read(metric["provider"]["job"]), TURN, OWNER, 600)
    assert job["spec"]["activeDeadlineSeconds"] == 120


def test_a_job_is_named_after_its_measurement_alone() -> None:
    names = {
        manifest.name_of(msgspec.structs.replace(TURN, **change))
        for change in ({}, {"number": 4}, {"metric": "smoke-test"}, {"analysis": "r-1/4/step"})
    }
    assert len(names) == 4
    assert manifest.name_of(TURN) == manifest.name_of(msgspec.structs.replace(TURN, kept=9))
    long = msgspec.structs.replace(TURN, workload=WorkloadReference(name="w" * 200), metric="M" * 200, number=10**9)
    assert max(map(len, (*names, manifest.name_of(long)))) <= 63
    assert made()["metadata"]["name"].startswith("web-smoke-test-")


def test_a_job_carries_whose_it_is_and_no_label_of_a_template_hides_that() -> None:
    job = made()
    wanted = {
        manifest.MANAGED_BY: "tidegate-metrics-analyzer",
        manifest.ANALYSIS: manifest.label_of_analysis("r-1/3/step"),
        manifest.WORKLOAD: manifest.label_of_workload(WEB),
    }
    assert job["metadata"]["labels"] == {"team": "shop", **wanted}
    assert job["spec"]["template"]["metadata"]["labels"] == wanted
    assert (job["metadata"]["namespace"], job["metadata"]["ownerReferences"][0]["uid"]) == ("shop", "u-1")
    assert "ownerReferences" not in made(owner=None)["metadata"]
    found = ObjectMeta(labels=job["metadata"]["labels"], annotations=job["metadata"]["annotations"])
    assert manifest.is_of(TURN, found)
    assert not manifest.is_of(msgspec.structs.replace(TURN, number=4), found)
    assert not manifest.is_of(TURN, ObjectMeta())


def test_no_job_runs_longer_than_is_allowed_or_goes_before_it_was_seen() -> None:
    assert made()["spec"]["activeDeadlineSeconds"] == 600
    assert made(activeDeadlineSeconds=60)["spec"]["activeDeadlineSeconds"] == 60
    assert made(activeDeadlineSeconds=6000)["spec"]["activeDeadlineSeconds"] == 600
    assert made()["spec"]["ttlSecondsAfterFinished"] == 3600
    assert made(ttlSecondsAfterFinished=0)["spec"]["ttlSecondsAfterFinished"] == 300


def test_as_many_jobs_are_kept_as_measurements() -> None:
    assert manifest.outdated(TURN) == msgspec.structs.replace(TURN, number=1)
    assert manifest.outdated(msgspec.structs.replace(TURN, number=2)) is None


def job(*conditions: tuple[str, str, str], **more: Any) -> Job:
    found = [{"type": kind, "status": status, "reason": reason} for kind, status, reason in conditions]
    return msgspec.convert({"metadata": {"name": "j"}, "status": {"conditions": found}, **more}, Job)


def waiting(reason: str, where: str = "containerStatuses") -> JobPod:
    state = {"name": "test", "image": "smoke:v1", "state": {"waiting": {"reason": reason}}}
    return msgspec.convert({"status": {where: [state]}}, JobPod)


@pytest.mark.parametrize(
    ("found", "pods", "phase"),
    [
        (job(), (), None),
        (job(("Complete", "False", "")), (), None),
        (job(("FailureTarget", "True", "DeadlineExceeded")), (), None),
        (job(("SuccessCriteriaMet", "True", ""), ("Complete", "True", "")), (), "Successful"),
        (job(("Failed", "True", "BackoffLimitExceeded")), (), "Failed"),
        (job(("Complete", "True", "")), (waiting("ErrImagePull"),), "Successful"),
        (job(), (waiting("ContainerCreating"),), None),
        (job(), (waiting("ErrImagePull"),), "Inconclusive"),
        (job(), (waiting("InvalidImageName", "initContainerStatuses"),), "Inconclusive"),
        (job(spec={"suspend": True}), (), "Error"),
        (job(metadata={"name": "j", "deletionTimestamp": "2026-01-01T00:00:00Z"}), (), "Error"),
    ],
)
def test_a_jobs_phase_is_argos(found: Job, pods: tuple[JobPod, ...], phase: str | None) -> None:
    end = outcome(found, pods)
    assert (end.phase if end is not None else None) == phase


class ScriptedJobs:
    """Ends Jobs as it is told to, and keeps what was asked of it."""

    def __init__(self, *phases: str) -> None:
        self.phases = list(phases)
        self.turns: list[Turn] = []

    def fault(self, block: dict[str, Any], namespace: str) -> str | None:
        return None if "spec" in block else f"no spec in {namespace}"

    async def measured(self, block: dict[str, Any], turn: Turn) -> Ran:
        self.turns.append(turn)
        await asyncio.sleep(0)
        return Ran(f"{block['spec']}-{turn.number}", Found(self.phases.pop(0), "said"))  # type: ignore[arg-type]

    async def keep_only(self, namespace: str, workload: WorkloadReference, analyses: Collection[str]) -> None:
        assert namespace
        assert workload
        assert analyses is not None


async def test_jobs_are_counted_by_argos_rules_and_numbered_with_errors_among_them() -> None:
    jobs, clock = ScriptedJobs("Error", "Successful", "Successful", "Failed"), ManualClock()
    metric = {"name": "smoke", "count": 3, "interval": "20s", "provider": {"job": {"spec": "j"}}}
    shelf = TemplateShelf(t=template(metric, measurementRetention=[{"metricName": "smoke", "limit": 2}]))
    subject = Subject(namespace="shop", workload="web", stable_revision="a", revision="b")
    analysis = Analysis(templates=(TemplateReference(name="t"),))
    run = TemplateRun(analysis, subject, WEB, clock.now_s(), must_end=True, identity="r-1/3/step")
    async with asyncio.timeout(5):
        await run.measure(Measurer({}, clock, shelf, jobs=jobs), clock, lambda: None)
    assert run.verdict() == "fail"
    (found,) = run.evidence()
    assert (found.query, found.measured, found.failed) == ("job/j-4", 4, 1)
    assert found.reason == "Failed due to failed (1) > failureLimit (0); the last measurement said: said"
    assert [turn.number for turn in jobs.turns] == [1, 2, 3, 4]
    assert {(turn.analysis, turn.kept, turn.workload) for turn in jobs.turns} == {("r-1/3/step", 2, WEB)}
    assert clock.slept_s == [10.0, 20.0, 20.0]


class Silent:
    """An API server that never answers."""

    async def list_all(self, *_asked: object, **_more: object) -> None:
        await asyncio.Event().wait()


async def test_a_job_that_was_deleted_before_anybody_waited_for_it_is_not_waited_for() -> None:
    watch = JobWatch(Silent(), "shop")  # type: ignore[arg-type]
    found, namesake = job(metadata={"name": "j", "uid": "1"}), job(metadata={"name": "j", "uid": "2"})
    try:
        with watch.waiting_for("j") as wait:
            watch._on_job(None, found)
            watch._on_job(found, None)
            async with asyncio.timeout(5):
                assert (await watch.end_of(found, wait)).phase == "Error"
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(watch.end_of(namesake, wait), 0.05)
    finally:
        await watch.close()
    assert not watch._waiting
