"""A small HTTP server for files, which can also misbehave: drop connections, be busy, be slow, ignore ranges."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """What is served, and how.

    Args:
        files: path -> content.
        statuses: answered first, one a request, before anything is served.
        drop_after: bytes of the body after which the connection breaks, one a request.
        ranges: whether parts are served.
        tag: of all files; empty for none.
        pause: seconds before the body.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    drop_after: list[int] = field(default_factory=list)
    ranges: bool = True
    tag: str = '"v1"'
    pause: float = 0.0
    url: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """(path, Range header) of each request."""


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, server: FileServer, *arguments: object) -> None:
        self.plan = server
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.plan.asked.append((self.path, asked))
        if self.plan.statuses:
            self.send_error(self.plan.statuses.pop(0))
            return
        data = self.plan.files.get(self.path)
        if data is None:
            self.send_error(404)
            return
        start, code = 0, 200
        same = self.headers.get("If-Range") in (None, self.plan.tag)
        if asked and self.plan.ranges and same:
            start, code = int(asked.removeprefix("bytes=").rstrip("-")), 206
            if start >= len(data):
                self.send_error(416)
                return
        self.send_response(code)
        self.send_header("Content-Length", str(len(data) - start))
        if code == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if self.plan.tag:
            self.send_header("ETag", self.plan.tag)
        self.end_headers()
        time.sleep(self.plan.pause)
        body = data[start:]
        if self.plan.drop_after:
            body = body[: self.plan.drop_after.pop(0)]
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *arguments: object) -> None:
        pass


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, *arguments: object) -> None:
        """A client that has gone away is what the tests are about."""


@contextmanager
def serving(plan: FileServer) -> Iterator[FileServer]:
    """The server on a port of its own, for the block."""
    with _Quiet(("127.0.0.1", 0), partial(_Handler, plan)) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        plan.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield plan
        finally:
            server.shutdown()
            thread.join()
