"""The command line of the podlet: `python -m tidegate_sandbox.podlet`. The sandbox's supervisor calls it."""

import argparse
import asyncio
import logging
from pathlib import Path

from tidegate_sandbox.podlet.app import Options, run
from tidegate_sandbox.podlet.nodes import HEARTBEAT_S
from tidegate_sandbox.podlet.resource_metrics import Door


def _options() -> tuple[Options, str]:
    parser = argparse.ArgumentParser(prog="podlet", description="Simulates the nodes of a sandbox cluster.")
    parser.add_argument("--kubeconfig", type=Path, required=True, help="how to reach the API server")
    parser.add_argument("--metrics-port", type=int, required=True, help="port on 127.0.0.1 for /metrics and /readyz")
    parser.add_argument("--nodes", type=int, default=3, help="how many nodes to simulate (1 to 50, default 3)")
    parser.add_argument(
        "--heartbeat-s", type=float, default=HEARTBEAT_S, help="how often nodes say that they live (default 10)"
    )
    parser.add_argument("--pod-range", default="10.244.0.0/16", help="addresses of the pods, all local to us")
    parser.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    parser.add_argument("--resource-metrics", metavar="ADDRESS:PORT", help="serve the resource metrics API there")
    parser.add_argument("--certificate", type=Path, help="of the resource metrics API")
    parser.add_argument("--certificate-key", type=Path, help="of the resource metrics API")
    given = parser.parse_args()
    if not 1 <= given.nodes <= 50:  # noqa: PLR2004  the help text names the limits
        parser.error("--nodes must be from 1 to 50")
    options = Options(
        kubeconfig=given.kubeconfig,
        metrics_port=given.metrics_port,
        nodes=given.nodes,
        heartbeat_s=given.heartbeat_s,
        resource_metrics=_door(given) if given.resource_metrics else None,
        pod_range=given.pod_range,
    )
    return options, given.log_level


def _door(given: argparse.Namespace) -> Door:
    address, _, port = given.resource_metrics.rpartition(":")
    return Door(address=address, port=int(port), certificate=given.certificate, certificate_key=given.certificate_key)


def main() -> None:
    options, log_level = _options()
    logging.basicConfig(level=log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
