"""The one place where a service's FastStream broker is made, with every option that its defaults get wrong.

Called by `service`. FastStream connects and carries core-NATS subscribers; streams are pulled by `pull`, whose loop
can neither freeze nor spin, and published to by `publish` and `journal`, which know what an unknown outcome is.
"""

import logging

from faststream import AckPolicy
from faststream.nats import NatsBroker
from faststream.security import SASLPlaintext

from tidegate_chassis.connection import Connection
from tidegate_chassis.settings import Settings
from tidegate_contracts.subjects import Service


def make_broker(connection: Connection, settings: Settings) -> NatsBroker:
    """A broker that is not connected yet; `start` connects it and hands its client to the connection."""
    user = settings.nats_user
    security = SASLPlaintext(username=user, password=settings.nats_password, use_ssl=False) if user else None
    return NatsBroker(
        servers=settings.nats_url.split(","),
        security=security,
        ack_policy=AckPolicy.MANUAL,
        apply_types=False,  # subscribers take whole messages; bodies are decoded by the contracts' own strict decoders
        graceful_timeout=settings.stop_timeout_s,
        logger=None,  # each handled message has one line of ours; connection events are logged by `Connection`
        log_level=logging.DEBUG,
        **connection.options(),
    )


async def start(broker: NatsBroker, connection: Connection) -> None:
    """Connects, however long that takes: readiness tells meanwhile what is waited for."""
    client = await broker.connect()
    connection.attach(client)
    await broker.start()


async def stop(broker: NatsBroker, connection: Connection) -> None:
    """Says what is left to say and closes; without a server there is nobody to say it to."""
    connection.stopping()
    if connection.is_online:
        await broker.stop()
    else:
        await connection.client.close()


def make_connection(name: Service, settings: Settings) -> Connection:
    return Connection(name=name, user=settings.nats_user)
