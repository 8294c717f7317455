"""A process that stands behind a Service and answers, as its version, what a request's header `x-release` says.

Started inside a sandbox, where its proxy can reach it: `python -m support.reading_process PORT`. Pods of the sandbox
don't read headers; the load counts answers by their version.
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HEADER = "x-release"
UNMARKED = "unmarked"


class Reader(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("x-version", self.headers.get(HEADER, UNMARKED))
        self.send_header("content-length", "0")
        self.end_headers()
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """It has nothing to say."""


def main(port: str) -> None:
    server = ThreadingHTTPServer(("0.0.0.0", int(port)), Reader)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
