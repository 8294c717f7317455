"""NATS with JetStream, by the configuration that production uses (deploy/nats/nats.conf).

Only the addresses and the storage folder are the sandbox's own. Passwords are made per sandbox and handed to the
configuration as the environment variables that it asks for.
"""

from tidegate_sandbox.addresses import LOOPBACK, NATS_MONITORING_PORT, NATS_PORT
from tidegate_sandbox.nats_passwords import as_environment
from tidegate_sandbox.parts.context import Context
from tidegate_sandbox.supervisor.steps import Process, Step


def steps(context: Context) -> list[Step]:
    def command() -> list[str]:
        return [
            str(context.settings.toolchain.nats_server),
            f"--config={context.settings.deploy_directory / 'nats' / 'nats.conf'}",
            f"--addr={LOOPBACK}",
            f"--port={NATS_PORT}",
            f"--http_port={NATS_MONITORING_PORT}",
        ]

    return [
        Process(
            name="nats",
            command=command,
            probe=context.answers(f"http://{LOOPBACK}:{NATS_MONITORING_PORT}/healthz?js-enabled-only=true"),
            environment=as_environment(context.settings.nats_passwords)
            | {"TIDEGATE_NATS_STORE_DIRECTORY": str(context.folder("nats"))},
        )
    ]
