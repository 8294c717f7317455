"""What every command takes: where the bus is, as whom, and what the answer shall look like."""

from typing import Annotated, Final, Literal

import msgspec
import typer

Output = Literal["text", "json"]
_CONNECTION: Final = "Connection"

ServerOption = Annotated[
    str, typer.Option("--server", "-s", envvar="TIDEGATE_NATS_URL", help="URL of NATS.", rich_help_panel=_CONNECTION)
]
UserOption = Annotated[
    str, typer.Option("--user", envvar="TIDEGATE_NATS_USER", help="User on NATS.", rich_help_panel=_CONNECTION)
]
PasswordOption = Annotated[
    str,
    typer.Option(
        "--password",
        envvar="TIDEGATE_NATS_PASSWORD",
        help="Password on NATS; better given by the environment.",
        rich_help_panel=_CONNECTION,
        show_default=False,
    ),
]
ClusterOption = Annotated[
    str, typer.Option("--cluster", envvar="TIDEGATE_CLUSTER", help="Name of the cluster.", rich_help_panel=_CONNECTION)
]
NamespaceOption = Annotated[
    str,
    typer.Option(
        "--namespace",
        "-n",
        envvar="TIDEGATE_NAMESPACE",
        help="Namespace to look and act in.",
        rich_help_panel=_CONNECTION,
    ),
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="Text for people, JSON for programs.")]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", min=0.1, help="Seconds to wait for an answer.", rich_help_panel=_CONNECTION)
]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    server: str = "nats://127.0.0.1:4222"
    user: str = ""
    password: str = ""
    cluster: str = "default"
    namespace: str = "default"
    output: Output = "text"
    timeout_s: float = 5.0

    @property
    def where(self) -> str:
        return f"namespace {self.namespace} of cluster {self.cluster}"


_DEFAULTS: Final = Settings()

OPTIONS: Final[dict[str, tuple[object, object]]] = {
    "server": (ServerOption, _DEFAULTS.server),
    "user": (UserOption, _DEFAULTS.user),
    "password": (PasswordOption, _DEFAULTS.password),
    "cluster": (ClusterOption, _DEFAULTS.cluster),
    "namespace": (NamespaceOption, _DEFAULTS.namespace),
    "output": (OutputOption, _DEFAULTS.output),
    "timeout_s": (TimeoutOption, _DEFAULTS.timeout_s),
}
"""Each common option: its annotation and its default, under the name of the setting that it fills."""
