"""Faults of the stand-in Hub: refusals, answers that are slow, cut short or lost, and moments to be killed in."""

from __future__ import annotations

import json
import socket
import threading
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler


@dataclass
class Fault:
    """What happens to the next `times` requests whose ``METHOD /path`` contains `match`.

    Attributes:
        status: refuse with this status, and do nothing.
        message: the reason that is given with it.
        headers: headers of the refusal.
        cut_after: send so many bytes of the answer, then close the connection.
        lost: do what was asked, but close the connection instead of answering.
        hold: "before" or "after": wait for `release` before doing, or before saying, anything; `reached` is set then.
    """

    match: str
    times: int = 1
    status: int = 0
    message: str = "ordered"
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    lost: bool = False
    hold: str = ""
    reached: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)


class FaultyHandler(BaseHTTPRequestHandler):
    """Reads requests and sends answers, with the faults that were ordered of the server's hub."""

    protocol_version = "HTTP/1.1"

    @property
    def hub(self):
        return self.server.hub

    def log_message(self, *_) -> None:
        pass

    def answer(self, handle) -> None:
        """Read the body, meet the fault that is due, and let `handle` do the rest under the hub's lock."""
        self.body = self._read_body()
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        request = f"{self.command} {path}"
        with self.hub.lock:
            self.hub.requests.append(request)
            fault = next((f for f in self.hub.faults if f.times > 0 and f.match in request), None)
            if fault:
                fault.times -= 1
        self.fault = fault
        self._hold("before")
        if fault and fault.status:
            self.refuse(fault.status, fault.headers.get("X-Error-Code", ""), fault.headers, fault.message)
        else:
            with self.hub.lock:
                self._kept = None
                handle(path.strip("/").split("/"))
            self._hold("after")
            self._flush(*self._kept)

    def send(self, status: int, content: bytes | dict | list, headers: dict[str, str] | None = None) -> None:
        """Keep the answer; it goes out when the hub's lock is free again."""
        self._kept = (status, content, headers or {})

    def refuse(self, status: int, code: str = "", headers: dict | None = None, message: str = "refused") -> None:
        kept = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {}) | (headers or {})
        self.send(status, {"error": message}, kept)
        if self.fault and self.fault.status:
            self._flush(*self._kept)

    def _hold(self, when: str) -> None:
        if self.fault and self.fault.hold == when:
            self.fault.reached.set()
            self.fault.release.wait(60)

    def _flush(self, status: int, content: bytes | dict | list, headers: dict[str, str]) -> None:
        if self.fault and self.fault.lost:
            return self._close()
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return None
        if self.fault and self.fault.cut_after is not None:
            self.wfile.write(body[: self.fault.cut_after])
            return self._close()
        self.wfile.write(body)
        return None

    def _close(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body
