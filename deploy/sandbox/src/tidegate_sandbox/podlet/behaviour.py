"""What a container does, as its image tag and environment say: the sandbox's whole vocabulary of faults.

Called by `containers` when a container starts. Pure: text in, a `Behaviour` or a `Misconfigured` out; README.md
beside this file is the same vocabulary as a table for users.
"""

import math
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from tidegate_sandbox.podlet.pods import Container

ENVIRONMENT_PREFIX: Final = "PODLET_"
SECONDS_MAX: Final = 86_400.0
FLAP_S_MIN: Final = 0.1
CPU_MILLICORES_MAX: Final = 1_000_000.0
LEAK_MEBIBYTES_PER_S_MAX: Final = 1_000.0
EXIT_CODE_MAX: Final = 255
LATENCY_MS_MAX: Final = 60_000.0
ERROR_STEPS_PER_PERCENT: Final = 100
VERSION_LENGTH_MAX: Final = 128
DIGEST_VERSION_LENGTH: Final = 12


class Behaviour(Struct, frozen=True, kw_only=True):
    """How one container acts; the defaults are a well-behaved application."""

    version: str = "latest"
    ready_after_s: float | None = 0.3
    """None is never."""
    latency_s: float = 0.0
    error_percent: float = 0.0
    crash_after_s: float | None = None
    exit_after_s: float | None = None
    """When it ends by itself, as a Job's container does."""
    exit_code: int = 0
    drain_s: float = 1.0
    """How long it goes on serving after it was told to stop."""
    flap_s: float | None = None
    """Readiness turns over this often."""
    pull_fails: bool = False
    cpu_millicores: int = 0
    """What it uses, for the resource metrics API; what its application is given to share comes on top."""
    leak_mebibytes_per_s: float = 0.0
    """How much more memory it takes each second, from its start on."""


class Misconfigured(Struct, frozen=True):
    """A tag or variable that says nothing we know: the container waits with this message."""

    message: str


class _UnreadableError(ValueError):
    """A value outside its rule; the message is the rule."""


def _number(text: str, maximum: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= maximum:
        raise _UnreadableError(f"a number from 0 to {maximum:g}")
    return value


def _ready(behaviour: Behaviour, text: str) -> Behaviour:
    return replace(behaviour, ready_after_s=None if text == "never" else _number(text, SECONDS_MAX))


def _latency(behaviour: Behaviour, text: str) -> Behaviour:
    return replace(behaviour, latency_s=_number(text, LATENCY_MS_MAX) / 1_000)


def _errors(behaviour: Behaviour, text: str) -> Behaviour:
    percent = _number(text, 100.0)
    return replace(behaviour, error_percent=round(percent * ERROR_STEPS_PER_PERCENT) / ERROR_STEPS_PER_PERCENT)


def _crash(behaviour: Behaviour, text: str) -> Behaviour:
    return replace(behaviour, crash_after_s=_number(text, SECONDS_MAX))


def _exit(behaviour: Behaviour, text: str) -> Behaviour:
    return replace(behaviour, exit_after_s=_number(text, SECONDS_MAX))


def _code(behaviour: Behaviour, text: str) -> Behaviour:
    return replace(behaviour, exit_code=round(_number(text, EXIT_CODE_MAX)))


def _drain(behaviour: Behaviour, text: str) -> Behaviour:
    return replace(behaviour, drain_s=_number(text, SECONDS_MAX))


def _flap(behaviour: Behaviour, text: str) -> Behaviour:
    period_s = _number(text, SECONDS_MAX)
    if period_s < FLAP_S_MIN:
        raise _UnreadableError(f"a number from {FLAP_S_MIN:g} to {SECONDS_MAX:g}")
    return replace(behaviour, flap_s=period_s)


def _pull(behaviour: Behaviour, text: str) -> Behaviour:
    if text not in {"fail", "ok"}:
        raise _UnreadableError("'fail' or 'ok'")
    return replace(behaviour, pull_fails=text == "fail")


def _cpu(behaviour: Behaviour, text: str) -> Behaviour:
    return replace(behaviour, cpu_millicores=round(_number(text, CPU_MILLICORES_MAX)))


def _leak(behaviour: Behaviour, text: str) -> Behaviour:
    return replace(behaviour, leak_mebibytes_per_s=_number(text, LEAK_MEBIBYTES_PER_S_MAX))


def _version(behaviour: Behaviour, text: str) -> Behaviour:
    # It is sent as a header of every answer.
    if not text or len(text) > VERSION_LENGTH_MAX or not text.isascii() or not text.isprintable():
        raise _UnreadableError(f"1 to {VERSION_LENGTH_MAX} printable ASCII characters")
    return replace(behaviour, version=text)


Setter = Callable[[Behaviour, str], Behaviour]
TAG_KEYS: Final[Mapping[str, Setter]] = {
    "ready": _ready,
    "latency": _latency,
    "errors": _errors,
    "crash": _crash,
    "exit": _exit,
    "code": _code,
    "drain": _drain,
    "flap": _flap,
    "pull": _pull,
    "cpu": _cpu,
    "leak": _leak,
}
ENVIRONMENT_KEYS: Final[Mapping[str, Setter]] = {
    "PODLET_VERSION": _version,
    "PODLET_READY_S": _ready,
    "PODLET_LATENCY_MS": _latency,
    "PODLET_ERROR_PERCENT": _errors,
    "PODLET_CRASH_S": _crash,
    "PODLET_EXIT_S": _exit,
    "PODLET_EXIT_CODE": _code,
    "PODLET_DRAIN_S": _drain,
    "PODLET_FLAP_S": _flap,
    "PODLET_PULL": _pull,
    "PODLET_CPU_MILLICORES": _cpu,
    "PODLET_LEAK_MIB_S": _leak,
}


def behaviour_of(container: Container) -> Behaviour | Misconfigured:
    return parse(container.image, {variable.name: variable.value for variable in container.env})


def parse(image: str, environment: Mapping[str, str]) -> Behaviour | Misconfigured:
    """The behaviour of a container; the environment wins over the image's tag."""
    version, *parts = _tag_of(image).split("_")
    settings: list[tuple[str, Setter | None, str]] = [(f"tag of image {image!r}", _version, version)]
    for part in parts:
        key, _, value = part.partition("-")
        settings.append((f"tag part {part!r} of image {image!r}", TAG_KEYS.get(key), value))
    for name, value in environment.items():
        if name.startswith(ENVIRONMENT_PREFIX):
            settings.append((f"variable {name}={value!r}", ENVIRONMENT_KEYS.get(name), value))
    return _apply(settings)


def _apply(settings: list[tuple[str, Setter | None, str]]) -> Behaviour | Misconfigured:
    behaviour = Behaviour()
    for where, setter, value in settings:
        if setter is None:
            known = ", ".join((*TAG_KEYS, *ENVIRONMENT_KEYS))
            return Misconfigured(f"{where}: unknown behaviour; known are {known}")
        try:
            behaviour = setter(behaviour, value)
        except _UnreadableError as rule:
            return Misconfigured(f"{where}: must be {rule}")
    return behaviour


def _tag_of(image: str) -> str:
    name, _, digest = image.partition("@")
    repository, colon, tag = name.rpartition(":")
    # A colon before the last slash belongs to the registry's port.
    if colon and "/" not in tag and repository:
        return tag
    return digest.rpartition(":")[2][:DIGEST_VERSION_LENGTH] if digest else "latest"
