"""A process that serves webhooks whose answers show that they were asked: one refuses, one patches, one converts.

Started by `serving` inside a sandbox, where its API server can reach it. Each answer ends its connection, so that the
next one is verified anew, and the certificate's files are looked at all the time.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from tidegate_chassis import webhooks
from tidegate_chassis.admission import AdmissionRequest, Verdict, reviewed
from tidegate_chassis.certificates_store import CERTIFICATE_FILE, KEY_FILE
from tidegate_chassis.http import Receive, Scope, Send
from tidegate_chassis.webhooks import WebhookServer, WebhookSettings
from tidegate_sandbox.sandbox import exec_command
from tidegate_sandbox.state import SandboxState

REFUSAL: Final = "seen by the webhook of a test"
PATCHED: Final = {"patched": "by the webhook of a test"}
CONVERTED: Final = {"converted": "by the webhook of a test"}
RENEWED: Final = b"the certificate was renewed"
LOOK_S: Final = 0.02
FILES: Final = (CERTIFICATE_FILE, KEY_FILE)


def refuse(_: AdmissionRequest) -> Verdict:
    return Verdict(refusal=REFUSAL)


def patch(_: AdmissionRequest) -> Verdict:
    return Verdict(patch=({"op": "add", "path": "/metadata/annotations", "value": PATCHED},))


def convert(body: bytes) -> bytes:
    review = msgspec.json.decode(body)
    request = review["request"]
    made = [each | {"apiVersion": request["desiredAPIVersion"], "spec": CONVERTED} for each in request["objects"]]
    response = {"uid": request["uid"], "result": {"status": "Success"}, "convertedObjects": made}
    return msgspec.json.encode({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response})


class OneAnswerEach(WebhookServer):
    async def application(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def last(message: MutableMapping[str, Any]) -> None:
            closing = [*message.get("headers", ()), (b"connection", b"close")]
            starts = message["type"] == "http.response.start"
            await send({**message, "headers": closing} if starts else message)

        await super().application(scope, receive, last)


@asynccontextmanager
async def serving(sandbox: SandboxState, port: int, directory: Path) -> AsyncIterator[asyncio.StreamReader]:
    """With the certificate in this directory; what the process logs."""
    command = [sys.executable, "-m", __name__, str(port), *(str(directory / each) for each in FILES)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    process = await asyncio.create_subprocess_exec(
        *exec_command(sandbox, command), env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.terminate()
        await process.wait()


def main(port: str, certificate: str, key: str) -> None:
    webhooks.CERTIFICATE_LOOK_S = LOOK_S
    routes = {"/review": reviewed(refuse), "/patch": reviewed(patch), "/convert": convert}
    settings = WebhookSettings(webhook_port=int(port))
    asyncio.run(OneAnswerEach(settings, routes, (Path(certificate), Path(key))).run())


if __name__ == "__main__":
    main(*sys.argv[1:])
