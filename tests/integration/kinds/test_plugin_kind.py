"""The example plugin, installed as its README says, passes the conformance kit; and what is without it is refused."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.kinds import load
from support.matrix import cases
from support.plugin import EXAMPLE, SQUAD, install
from support.sources import REPOSITORY
from support.workloads import image, rig

from tidegate_contracts.facts import WorkloadRefused
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]

KIT = "tests/integration/kinds/test_matrix.py"
KIT_TIMEOUT_S = 570


def test_it_passes_the_conformance_kit(
    kinds_sandbox: SandboxState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEGATE_KRUISE_SANDBOX", kinds_sandbox.name)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", KIT, "--workload-kind", SQUAD, "-p", "no:cacheprovider"],
        cwd=REPOSITORY,
        env=install(tmp_path / "installed"),
        capture_output=True,
        text=True,
        check=False,
        timeout=KIT_TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr
    assert f"{len(cases([load(SQUAD)]))} passed" in done.stdout


def test_it_is_one_short_file() -> None:
    (module,) = EXAMPLE.glob("tidegate_*/*.py")
    assert len(module.read_text().splitlines()) < 50


async def test_without_it_the_kind_is_refused_before_anything_is_touched(
    kinds_sandbox: SandboxState, kinds_namespace: str
) -> None:
    """A Squad's schema would drop a StatefulSet's partition without a word, and nothing would be held."""
    kind = load(SQUAD)
    async with kind.around(kinds_sandbox), rig(kinds_sandbox, kinds_namespace, kind=kind) as made:
        await made.create(replicas=3, tag="v1_ready-0.1")
        before = await made.raw()
        refused = await made.prepare(image("v2_ready-0.1"))
        assert isinstance(refused, WorkloadRefused), refused
        assert refused.problem.field == "workload.spec.updateStrategy"
        assert "partition" in refused.problem.rule
        assert "plugin" in refused.problem.remedy
        assert (await made.raw())["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
