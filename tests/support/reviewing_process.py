"""A process that serves one webhook and refuses everything, so that whoever asks sees that it was asked.

Started inside a sandbox, where its API server can reach it: `python -m support.reviewing_process PORT CERTIFICATE KEY`.
"""

import asyncio
import sys
from pathlib import Path

from tidegate_chassis.admission import AdmissionRequest, Verdict, reviewed
from tidegate_chassis.webhooks import WebhookServer, WebhookSettings

REFUSAL = "seen by the webhook of a test"


def refuse(_: AdmissionRequest) -> Verdict:
    return Verdict(refusal=REFUSAL)


def main(port: str, certificate: str, key: str) -> None:
    settings = WebhookSettings(webhook_port=int(port))
    files = (Path(certificate), Path(key))
    asyncio.run(WebhookServer(settings, {"/review": reviewed(refuse)}, files).run())


if __name__ == "__main__":
    main(*sys.argv[1:])
