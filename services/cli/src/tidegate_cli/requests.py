"""A request out of a file: read, decoded, checked. Pure but for reading the file; `commands.ask` publishes it."""

import sys
from pathlib import Path
from typing import Any

import msgspec
import yaml

from tidegate_cli.errors import CommandError, Exit
from tidegate_contracts import codec
from tidegate_contracts.codec import Malformed
from tidegate_contracts.guards import GuardSet
from tidegate_contracts.limits import REQUEST_BYTES_MAX
from tidegate_contracts.rollout import RolloutRequested
from tidegate_contracts.validate import validate, validate_guard


def read(file: Path) -> bytes:
    """The file's bytes; `-` is standard input."""
    try:
        content = sys.stdin.buffer.read(REQUEST_BYTES_MAX * 4 + 1) if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise CommandError(Exit.USAGE, f"{file}: {error.strerror or error}") from error
    if len(content) > REQUEST_BYTES_MAX * 4:
        raise CommandError(Exit.REFUSED, f"{file}: larger than {REQUEST_BYTES_MAX * 4} bytes")
    return content


def parse(content: bytes, name: str) -> RolloutRequested:
    """A request in YAML or JSON (which is YAML, too); the `type` may be left out."""
    try:
        document: Any = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        where = " ".join(str(error).split())
        raise CommandError(Exit.REFUSED, f"{name} is neither YAML nor JSON: {where}") from error
    if isinstance(document, dict):
        document = {"type": codec.tag_of(RolloutRequested), **document}
    try:
        return codec.decode_request(msgspec.json.encode(document))
    except Malformed as error:
        raise CommandError(Exit.REFUSED, f"{name} is not a request", problems=(error.problem,)) from error
    except (TypeError, ValueError, RecursionError) as error:
        raise CommandError(Exit.REFUSED, f"{name} can't be said in JSON: {error}") from error


def checked(file: Path, namespace: str) -> RolloutRequested:
    """The request in a file, if it could be published for the namespace."""
    request = parse(read(file), str(file))
    check(request, namespace, str(file))
    return request


def parse_guard(content: bytes, name: str, by: str) -> GuardSet:
    """A guard out of the file of what is to be requested then."""
    return GuardSet(request=parse(content, name), by=by)


def check_guard(guard: GuardSet, namespace: str, name: str) -> None:
    problems = validate_guard(guard, namespace)
    if problems:
        raise CommandError(Exit.REFUSED, f"{name} can't be a guard as it is", problems=problems)


def check(request: RolloutRequested, namespace: str, name: str) -> None:
    problems = validate(request, namespace)
    if problems:
        raise CommandError(Exit.REFUSED, f"{name} can't be rolled out as it is", problems=problems)


def warnings(request: RolloutRequested) -> list[str]:
    """What is allowed and yet worth a second look."""
    found = []
    for number, step in enumerate(request.steps, start=1):
        percent = step.replicas if isinstance(step.replicas, str) else None
        weight = step.traffic.weight_percent if step.traffic else None
        if percent is not None and weight is not None and weight > int(percent.rstrip("%")):
            found.append(f"step {number} sends {weight} % of the traffic to {percent} of the pods")
    if not request.analyses:
        found.append("nothing is measured: only the pods' readiness decides")
    return found
