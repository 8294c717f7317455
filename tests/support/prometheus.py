"""A real Prometheus on loopback that scrapes an exporter whose page the test writes."""

import contextlib
import http.server
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from tidegate_sandbox import toolchain
from tidegate_sandbox.ports import free_port

SCRAPE_INTERVAL_S = 0.2
START_TIMEOUT_S = 20.0


class Exporter:
    """`page` is what the next scrape reads, in Prometheus' text format."""

    def __init__(self) -> None:
        self.page = ""
        self.scrapes = 0


class PrometheusProcess:
    """A running server; `exporter` is its only target."""

    def __init__(self, url: str, exporter: Exporter, process: subprocess.Popen[bytes]) -> None:
        self.url = url
        self.exporter = exporter
        self._process = process

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(10)


@contextlib.contextmanager
def prometheus_server(directory: Path, *rule_files: Path) -> Iterator[PrometheusProcess]:
    program = toolchain.ensure(only={"prometheus"}).prometheus
    exporter = Exporter()
    with _serving(exporter) as exporter_port:
        config = directory / "prometheus.yml"
        config.write_text(
            f"rule_files: [{', '.join(map(str, rule_files))}]\n"
            f"scrape_configs:\n  - job_name: test\n    scrape_interval: {SCRAPE_INTERVAL_S * 1000:.0f}ms\n"
            f"    scrape_timeout: {SCRAPE_INTERVAL_S * 1000:.0f}ms\n"
            f'    honor_labels: true\n    static_configs: [{{targets: ["127.0.0.1:{exporter_port}"]}}]\n'
        )
        port = free_port()
        with (directory / "prometheus.log").open("wb") as log:
            process = subprocess.Popen(
                [
                    str(program),
                    f"--config.file={config}",
                    f"--storage.tsdb.path={directory / 'data'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        server = PrometheusProcess(f"http://127.0.0.1:{port}", exporter, process)
        try:
            _wait_until_ready(server.url, process)
            _wait_until(lambda: exporter.scrapes > 0, process, "scraping")
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def _serving(exporter: Exporter) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = exporter.page.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            exporter.scrapes += 1

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    def is_ready() -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/-/ready", timeout=1) as answer:
            return bool(answer.status == http.HTTPStatus.OK)
        return False

    _wait_until(is_ready, process, "ready")


def _wait_until(met: Callable[[], bool], process: subprocess.Popen[bytes], what: str) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while not met():
        assert process.poll() is None, f"Prometheus ended before it was {what}"
        assert time.monotonic() < deadline_s, f"Prometheus was not {what} within {START_TIMEOUT_S} s"
        time.sleep(0.05)
