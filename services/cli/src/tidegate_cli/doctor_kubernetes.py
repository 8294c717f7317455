"""What is wrong with the cluster: reachable, the route kinds served, and each service allowed what it needs.

Asks through kubectl, which knows every way to log in that a kubeconfig may name. All questions about rights go in one
call, as SubjectAccessReviews, which only an administrator may ask. Called by `commands.examine`.
"""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

from tidegate_cli import doctor_definitions, doctor_kruise
from tidegate_cli.findings import Finding, fault, good, warning
from tidegate_cli.kubernetes_rights import HISTORIES, RIGHTS, SYSTEM_NAMESPACE, Right, account

TIMEOUT_S: Final = 15
GATEWAY_API: Final = "/apis/gateway.networking.k8s.io/v1"
AUTHORIZATION: Final = "authorization.k8s.io"
APPLY: Final = "Run `kubectl apply -f deploy/kubernetes/`, or upgrade the Helm chart."


class Kubectl:
    """kubectl on one kubeconfig."""

    def __init__(self, program: str, kubeconfig: str) -> None:
        self._command = (program, "--kubeconfig", kubeconfig, f"--request-timeout={TIMEOUT_S}s")

    async def run(self, *arguments: str, given: bytes = b"") -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            answer, complaint = await asyncio.wait_for(process.communicate(given), TIMEOUT_S * 2)
        except TimeoutError:
            process.kill()
            await process.wait()
            return 1, "", f"no answer within {TIMEOUT_S * 2} s"
        assert process.returncode is not None, "it has ended"
        return process.returncode, answer.decode(errors="replace"), complaint.decode(errors="replace").strip()


async def examine(kubeconfig: str, namespace: str) -> AsyncIterator[Finding]:
    program = shutil.which("kubectl") or shutil.which("kubectl", path=str(Path(sys.executable).parent))
    if program is None:
        yield warning("Kubernetes", "kubectl is not on the PATH", "Install kubectl to have the cluster examined.")
        return
    kubectl = Kubectl(program, kubeconfig)
    status, answer, complaint = await kubectl.run("get", "--raw", "/version")
    if status:
        yield fault(
            "Kubernetes", complaint or "no answer", "Check --kubeconfig (TIDEGATE_KUBECONFIG) and the API server."
        )
        return
    yield good("Kubernetes", f"answers, version {json.loads(answer).get('gitVersion', 'unknown')}")
    yield await _gateway_api(kubectl)
    async for finding in doctor_kruise.examine(kubectl):
        yield finding
    for finding in await doctor_definitions.examine(kubectl):
        yield finding
    async for finding in _rights(kubectl, namespace):
        yield finding


async def _gateway_api(kubectl: Kubectl) -> Finding:
    status, answer, complaint = await kubectl.run("get", "--raw", GATEWAY_API)
    if status:
        remedy = "Install the Gateway API, or roll out without traffic."
        return warning("Gateway API", complaint or "not served", remedy)
    kinds = {resource["name"] for resource in json.loads(answer).get("resources", [])}
    if "httproutes" not in kinds:
        return warning("Gateway API", "HTTPRoute is not served", "Install the Gateway API's standard channel.")
    grpc = "is served, too" if "grpcroutes" in kinds else "is not"
    return good("Gateway API", f"HTTPRoute is served, GRPCRoute {grpc}")


async def _rights(kubectl: Kubectl, namespace: str) -> AsyncIterator[Finding]:
    """An administrator hears of every service's rights, a service's own kubeconfig of its own."""
    status, _, complaint = await kubectl.run("auth", "can-i", "create", f"subjectaccessreviews.{AUTHORIZATION}")
    rights: tuple[Right, ...] = (*RIGHTS, *HISTORIES)
    kind = "SubjectAccessReview"
    if status:
        user = await _whoami(kubectl)
        rights, kind = tuple(right for right in rights if account(right.service) == user), "SelfSubjectAccessReview"
    if not rights:
        remedy = "Use an administrator's kubeconfig, or a service's own."
        yield warning("rights", complaint or "this user may not ask about the services' rights", remedy)
        return
    async for finding in _reviewed(kubectl, rights, kind, namespace):
        yield finding


async def _whoami(kubectl: Kubectl) -> str:
    status, answer, _ = await kubectl.run("auth", "whoami", "-o", "json")
    return "" if status else str(json.loads(answer)["status"]["userInfo"].get("username", ""))


async def _reviewed(kubectl: Kubectl, rights: tuple[Right, ...], kind: str, namespace: str) -> AsyncIterator[Finding]:
    questions = [(right, verb) for right in rights for verb in right.verbs]
    items = [_review(kind, right, verb, namespace) for right, verb in questions]
    asked = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    status, answer, complaint = await kubectl.run("create", "-f", "-", "-o", "json", given=asked.encode())
    if status:
        yield warning("rights", complaint or "can't be asked about", "Look at the API server's log.")
        return
    denied: dict[Right, list[str]] = {right: [] for right in rights}
    for (right, verb), review in zip(questions, _documents(answer), strict=True):
        if not review.get("status", {}).get("allowed"):
            denied[right].append(verb)
    for right in (each for each in rights if each not in HISTORIES):
        yield _finding(right, denied[right], namespace)
    optional = [right for right in rights if right in HISTORIES]
    if optional:
        lacking = [f"{verb} {right.what}" for right in optional for verb in denied[right]]
        granted = len(denied[HISTORIES[0]]) < len(HISTORIES[0].verbs)
        yield await doctor_definitions.histories(kubectl, lacking, granted=granted)


def _finding(right: Right, denied: list[str], namespace: str) -> Finding:
    if denied:
        return fault(f"{right.service} rights", f"may not {', '.join(denied)} {right.what} in {namespace}", APPLY)
    return good(f"{right.service} rights", f"may {', '.join(right.verbs)} {right.what}")


def _documents(text: str) -> Iterator[dict[str, Any]]:
    """The objects that kubectl prints one behind the other, or as one list."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text.rstrip()):
        document, at = decoder.raw_decode(text, at)
        yield from document["items"] if document.get("kind") == "List" else [document]
        at += len(text[at:]) - len(text[at:].lstrip())


def _review(kind: str, right: Right, verb: str, namespace: str) -> dict[str, Any]:
    resource, _, part = right.resource.partition("/")
    attributes = {
        "group": right.group,
        "resource": resource,
        "subresource": part,
        "verb": verb,
        "namespace": namespace,
    }
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{SYSTEM_NAMESPACE}", "system:authenticated"]
    whose = {"user": account(right.service), "groups": groups} if kind == "SubjectAccessReview" else {}
    return {
        "apiVersion": f"{AUTHORIZATION}/v1",
        "kind": kind,
        "metadata": {},
        "spec": {**whose, "resourceAttributes": attributes},
    }
