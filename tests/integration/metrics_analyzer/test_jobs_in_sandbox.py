"""Measurements by Jobs, on the real API server with the real Job controller, under the rights that are shipped."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.sandbox import kubectl
from support.templates import TemplateShelf, template
from support.until import until

from tidegate_chassis.clock import SystemClock
from tidegate_contracts.rollout import Analysis
from tidegate_contracts.templates import TemplateReference
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer.argo.phase import Found
from tidegate_metrics_analyzer.cluster_connection import ClusterConnection
from tidegate_metrics_analyzer.job_source import Turn
from tidegate_metrics_analyzer.jobs.manifest import name_of
from tidegate_metrics_analyzer.jobs.runner import JobRunner, JobSettings
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.question import Subject
from tidegate_metrics_analyzer.template_run import TemplateRun
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox

ROLE = Path(__file__).parents[3] / "deploy" / "kubernetes" / "analysis-jobs" / "metrics-analyzer.yaml"
WEB = WorkloadReference(name="web")
GOOD, BAD, LONG = "v1_exit-0", "v1_exit-0_code-1", "v1_ready-never"


@pytest.fixture
def allowed(sandbox: SandboxState, namespace: str) -> str:
    """A namespace in which the role for Jobs is bound, with a workload."""
    kubectl(sandbox, "apply", "-f", str(ROLE))
    account = "--serviceaccount=tidegate-system:metrics-analyzer"
    role = "--clusterrole=tidegate-metrics-analyzer-jobs"
    kubectl(sandbox, "-n", namespace, "create", "rolebinding", "analysis-jobs", role, account)
    kubectl(sandbox, "-n", namespace, "create", "deployment", "web", "--image=web:v1", "--replicas=0")
    return namespace


@asynccontextmanager
async def running(sandbox: SandboxState, namespaces: str) -> AsyncIterator[JobRunner]:
    """What one copy of the analyzer has."""
    kubeconfig = str(sandbox.kubeconfig_directory / "metrics-analyzer.yaml")
    async with (
        ClusterConnection.opened(kubeconfig) as cluster,
        JobRunner.opened(cluster, JobSettings(job_namespaces=namespaces)) as runner,
        asyncio.timeout(40),
    ):
        yield runner


def job(tag: str, **spec: Any) -> dict[str, Any]:
    container = {"name": "test", "image": f"registry.example/smoke:{tag}"}
    pod = {"spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container]}}
    return {"metadata": {"labels": {"team": "shop"}}, "spec": {"backoffLimit": 0, "template": pod, **spec}}


def turn(namespace: str, number: int = 1, analysis: str = "r-1/3/step", kept: int = 10) -> Turn:
    return Turn(analysis=analysis, namespace=namespace, workload=WEB, metric="smoke", number=number, kept=kept)


async def measured(runner: JobRunner, block: dict[str, Any], turn: Turn) -> Found:
    return (await runner.measured(block, turn)).found


def jobs(sandbox: SandboxState, namespace: str) -> dict[str, dict[str, Any]]:
    found = json.loads(kubectl(sandbox, "-n", namespace, "get", "jobs", "-o", "json"))["items"]
    return {each["metadata"]["name"]: each for each in found if "deletionTimestamp" not in each["metadata"]}


async def judged(runner: JobRunner, namespace: str, block: dict[str, Any], **fields: Any) -> TemplateRun:
    """A template whose only metric is measured by such a Job, run to its verdict."""
    metric = {"name": "smoke", "provider": {"job": block}, **fields}
    shelf = TemplateShelf(t=template(metric, args=[{"name": "tag", "value": GOOD}]))
    measurer = Measurer({}, SystemClock(), shelf, jobs=runner)
    subject = Subject(namespace=namespace, workload="web", stable_revision="a", revision="b")
    analysis = Analysis(templates=(TemplateReference(name="t"),))
    run = TemplateRun(analysis, subject, WEB, SystemClock().now_s(), must_end=True, identity="r-1/3/step")
    await run.measure(measurer, SystemClock(), lambda: None)
    return run


async def test_a_job_decides_and_is_the_workloads_own(sandbox: SandboxState, allowed: str) -> None:
    async with running(sandbox, f"elsewhere, {allowed}") as runner:
        good = await judged(runner, allowed, job("{{args.tag}}"), count=2, interval="1s")
        assert (good.fault, good.verdict()) == (None, "pass")
    (evidence,) = good.evidence()
    assert evidence.assessed is not None
    assert (evidence.assessed.successful, evidence.measured) == (2, 2)
    assert evidence.query == f"job/{name_of(turn(allowed, 2))}"
    made = jobs(sandbox, allowed)
    assert set(made) == {name_of(turn(allowed, number)) for number in (1, 2)}
    one = made[name_of(turn(allowed))]
    assert one["metadata"]["labels"]["team"] == "shop"
    (owner,) = one["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("Deployment", "web", False)
    assert (one["spec"]["activeDeadlineSeconds"], one["spec"]["ttlSecondsAfterFinished"]) == (3600, 3600)
    kubectl(sandbox, "-n", allowed, "delete", "deployment", "web", "--cascade=foreground", "--timeout=20s")
    await until(lambda: not jobs(sandbox, allowed), within_s=20, what="the workload's Jobs gone with it")


async def test_what_goes_wrong_with_a_job_is_told(sandbox: SandboxState, allowed: str) -> None:
    async with running(sandbox, allowed) as runner:
        failed, late, unpulled, refused = await asyncio.gather(
            measured(runner, job(BAD), turn(allowed, 1)),
            measured(runner, job(LONG, activeDeadlineSeconds=1), turn(allowed, 2)),
            measured(runner, job("v1_pull-fail"), turn(allowed, 3)),
            measured(runner, job(GOOD, backoffLimit=-1), turn(allowed, 4)),
        )
        assert failed.phase == "Failed"
        assert "BackoffLimitExceeded" in failed.message
        assert late.phase == "Failed"
        assert "DeadlineExceeded" in late.message
        assert unpulled.phase == "Inconclusive"
        assert "registry.example/smoke:v1_pull-fail" in unpulled.message
        assert refused.phase == "Error"
        assert "spec.backoffLimit" in refused.message
        taken = measured(runner, job(LONG), turn(allowed, 5))
        waiting = asyncio.create_task(taken)
        name = name_of(turn(allowed, 5))
        await until(lambda: name in jobs(sandbox, allowed), within_s=20, what="the Job")
        kubectl(sandbox, "-n", allowed, "delete", "job", name)
        gone = await waiting
        assert gone.phase == "Error"
        assert "was deleted before it had ended" in gone.message
    await until(lambda: len(jobs(sandbox, allowed)) == 2, within_s=10, what="only what has ended")


async def test_a_successor_waits_for_the_job_that_is_there(sandbox: SandboxState, allowed: str) -> None:
    async with running(sandbox, allowed) as runner:
        waiting = asyncio.create_task(measured(runner, job("v1_exit-4"), turn(allowed)))
        await until(lambda: jobs(sandbox, allowed), within_s=20, what="the Job")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    (uid,) = (each["metadata"]["uid"] for each in jobs(sandbox, allowed).values())
    async with running(sandbox, allowed) as runner:
        assert (await measured(runner, job("v1_exit-4"), turn(allowed))).phase == "Successful"
        again = await measured(runner, job("v1_exit-4"), turn(allowed))
        assert again.phase == "Successful", "it is found when it has ended, too"
    assert [each["metadata"]["uid"] for each in jobs(sandbox, allowed).values()] == [uid]


async def test_jobs_of_other_analyses_and_old_ones_go(sandbox: SandboxState, allowed: str) -> None:
    async with running(sandbox, allowed) as runner:
        for number in (1, 2, 3):
            await measured(runner, job(GOOD), turn(allowed, number, kept=2))
        finished = {name_of(turn(allowed, number)) for number in (2, 3)}
        await until(lambda: set(jobs(sandbox, allowed)) == finished, within_s=10, what="the last two Jobs")
        old, new = turn(allowed, 4), turn(allowed, 1, analysis="r-1/4/step")
        tasks = [asyncio.create_task(measured(runner, job(LONG), each)) for each in (old, new)]
        everything = finished | {name_of(old), name_of(new)}
        await until(lambda: set(jobs(sandbox, allowed)) == everything, within_s=20, what="two running Jobs")
        await runner.keep_only(allowed, msgspec.structs.replace(WEB, name="other"), ())
        await runner.keep_only(allowed, WEB, {new.analysis})
        assert (await tasks[0]).phase == "Error"
        assert not tasks[1].done()
        assert set(jobs(sandbox, allowed)) == everything - {name_of(old)}
        await runner.end(allowed, new.analysis)
        assert (await tasks[1]).phase == "Error"


async def test_no_job_is_made_where_none_may_be(sandbox: SandboxState, namespace: str) -> None:
    async with running(sandbox, "elsewhere") as runner:
        refused = await judged(runner, namespace, job(GOOD))
        assert refused.verdict() == "inconclusive"
        assert f"Jobs may not be run in the namespace {namespace}" in str(refused.fault)
    async with running(sandbox, namespace) as runner:
        unbound = await measured(runner, job(GOOD), turn(namespace))
        assert unbound.phase == "Error"
        assert "create jobs.batch" in unbound.message or "forbidden" in unbound.message
    assert jobs(sandbox, namespace) == {}
