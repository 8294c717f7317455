"""Fresh passwords for the users of deploy/nats/nats.conf, which names them as `$TIDEGATE_NATS_<USER>_PASSWORD`.

`sandbox.up` makes them and keeps them in the sandbox's state; the bus part hands them to nats-server.
"""

import re
import secrets
from collections.abc import Mapping

_VARIABLE = re.compile(r"\$TIDEGATE_NATS_([A-Z0-9_]+)_PASSWORD\b")


def make_passwords(configuration: str) -> dict[str, str]:
    """One password for each user that the configuration asks one for, by user name (`traffic-shifter`).

    The server reads a variable as a configuration value, so a password starts with a letter.
    """
    users = sorted({found.lower().replace("_", "-") for found in _VARIABLE.findall(configuration)})
    return {user: f"sandbox-{secrets.token_hex(16)}" for user in users}


def as_environment(passwords: Mapping[str, str]) -> dict[str, str]:
    """The variables that the configuration reads."""
    return {f"TIDEGATE_NATS_{user.upper().replace('-', '_')}_PASSWORD": word for user, word in passwords.items()}
