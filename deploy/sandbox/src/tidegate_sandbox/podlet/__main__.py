"""The command line of the podlet: `python -m tidegate_sandbox.podlet`. The sandbox's supervisor calls it."""

import argparse
import asyncio
import logging
from pathlib import Path

from tidegate_sandbox.podlet.app import Options, run


def _options() -> tuple[Options, str]:
    parser = argparse.ArgumentParser(prog="podlet", description="Simulates the nodes of a sandbox cluster.")
    parser.add_argument("--kubeconfig", type=Path, required=True, help="how to reach the API server")
    parser.add_argument("--metrics-port", type=int, required=True, help="port on 127.0.0.1 for /metrics and /readyz")
    parser.add_argument("--nodes", type=int, default=3, help="how many nodes to simulate (1 to 50, default 3)")
    parser.add_argument("--pod-range", default="10.244.0.0/16", help="addresses of the pods, all local to us")
    parser.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    given = parser.parse_args()
    if not 1 <= given.nodes <= 50:  # noqa: PLR2004  the help text names the limits
        parser.error("--nodes must be from 1 to 50")
    options = Options(
        kubeconfig=given.kubeconfig,
        metrics_port=given.metrics_port,
        nodes=given.nodes,
        pod_range=given.pod_range,
    )
    return options, given.log_level


def main() -> None:
    options, log_level = _options()
    logging.basicConfig(level=log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
