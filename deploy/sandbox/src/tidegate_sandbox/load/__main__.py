"""The command line of the load generator: `python -m tidegate_sandbox.load`."""

import argparse
import asyncio
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from tidegate_sandbox.load.journal import Journal
from tidegate_sandbox.load.run import LoadRun, Plan
from tidegate_sandbox.load.tally import Summary


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="load", description="Sends requests at a constant rate and says which version answered."
    )
    parser.add_argument("--url", required=True, help="http://HOST[:PORT][/PATH]")
    parser.add_argument("--host-header", default="", help="the host asked for, where it is not the URL's")
    parser.add_argument("--rate", type=float, default=200.0, help="requests per second (default 200)")
    parser.add_argument("--duration", type=float, default=None, help="seconds; without it until SIGTERM or SIGINT")
    parser.add_argument("--connections", type=int, default=256, help="connections kept alive (default 256)")
    parser.add_argument("--http", choices=("1.1", "2"), default="1.1", help="2 is without TLS, by prior knowledge")
    parser.add_argument(
        "--new-connections", type=float, default=5.0, help="percent of requests on a connection of their own"
    )
    parser.add_argument(
        "--timeout", type=float, default=5.0, help="seconds after which a request without an answer is lost"
    )
    parser.add_argument(
        "--in-flight", type=int, default=1_000, help="requests under way at once, at most (default 1000)"
    )
    parser.add_argument("--out", required=True, help="file of JSON lines, one per 0.1 s; - is the standard output")
    parser.add_argument("--records", type=Path, default=None, help="file of JSON lines, one per request")
    return parser.parse_args()


async def _run(plan: Plan, out: Journal, records: Journal | None) -> Summary:
    run = LoadRun(plan, on_window=out.write, on_record=records.write if records else None)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, run.stop)
    return await run.run()


def main() -> None:
    given = _arguments()
    plan = Plan(
        url=given.url,
        host_header=given.host_header,
        rate_per_s=given.rate,
        duration_s=given.duration,
        http_version=given.http,
        connections=given.connections,
        new_connection_percent=given.new_connections,
        requests_max=given.in_flight,
        timeout_s=given.timeout,
    )
    with ExitStack() as files:
        out = sys.stdout if given.out == "-" else files.enter_context(Path(given.out).open("w", encoding="utf-8"))
        records = files.enter_context(given.records.open("w", encoding="utf-8")) if given.records else None
        journal = Journal(out)
        summary = asyncio.run(_run(plan, journal, Journal(records) if records else None))
        journal.write(summary)
        if out is not sys.stdout:
            Journal(sys.stdout).write(summary)


if __name__ == "__main__":
    main()
