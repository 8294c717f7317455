"""Settings from the environment, once, at the start: all problems are told together, before anything runs.

Called by each service's `main` and by the tools. A field `http_port` is read from `TIDEGATE_HTTP_PORT`; a service
that needs more subclasses `Settings`. Secrets never show in a representation.
"""

import os
import re
import sys
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeVar

import msgspec

PREFIX: Final = "TIDEGATE_"
_SECRET: Final = ("password", "token", "secret")
_CREDENTIALS: Final = re.compile(r"//[^/@]*@")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    nats_url: str = "nats://127.0.0.1:4222"
    nats_user: str = ""
    nats_password: str = ""
    cluster: str = "default"
    kubeconfig: str = ""
    """Empty: the pod's own service account."""
    prometheus_url: str = ""
    http_host: str = "127.0.0.1"
    http_port: int = 8080
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    otlp_endpoint: str = ""
    """Empty: no traces are sent."""
    orders_max: int = 2000
    """Orders that one copy of a worker holds at the same time."""
    stop_timeout_s: float = 15.0
    """How long a stopping service lets its work end before it cuts it off."""

    def __repr__(self) -> str:
        shown = {name: getattr(self, name) for name in self.__struct_fields__ if not name.endswith(_SECRET)}
        shown = {
            name: _CREDENTIALS.sub("//", value) if isinstance(value, str) else value for name, value in shown.items()
        }
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


class SettingsError(ValueError):
    """Every variable that is wrong, and how."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


_Settings = TypeVar("_Settings", bound=Settings)


def load(kind: type[_Settings], environment: Mapping[str, str] | None = None) -> _Settings:
    """Reads `kind` from the environment; raises `SettingsError`. Unset and empty variables leave the default."""
    variables = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    problems: list[str] = []
    for field in msgspec.structs.fields(kind):
        name = PREFIX + field.name.upper()
        text = variables.get(name, "")
        if not text:
            if field.required:
                problems.append(f"{name} is not set, and has no default")
            continue
        try:
            values[field.name] = msgspec.convert(text, field.type, strict=False)
        except msgspec.ValidationError as error:
            shown = "its value" if field.name.endswith(_SECRET) else repr(text)
            problems.append(f"{name}: {shown} is refused: {error}")
    if problems:
        raise SettingsError(problems)
    return kind(**values)


def load_or_exit(kind: type[_Settings]) -> _Settings:
    """As `load`, for a `main`: what is wrong goes to standard error, a line each, and the process ends."""
    try:
        return load(kind)
    except SettingsError as error:
        sys.stderr.write("".join(f"{problem}\n" for problem in error.problems))
        sys.exit(os.EX_CONFIG)
