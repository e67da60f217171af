"""A request as it came in, and an answer as it goes out."""

import json
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


class Request:
    """A request, taken apart as far as anybody asks.

    Args:
        method: GET, POST, ...
        target: path and query, as sent.
        headers: by lower-case name.
        body: as sent.
    """

    def __init__(self, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.raw_path, _, self.raw_query = target.partition("?")
        if "://" in self.raw_path:
            self.raw_path = urlsplit(self.raw_path).path
        self.user: Any = None  # who asks; authentication sets it
        self.by_token = False
        self.session: str | None = None
        self.status = 0  # of the answer, for the record

    def __repr__(self) -> str:
        return f"<{self.method} {self.target} {self.status} by {self.user_name}>"

    @property
    def user_name(self) -> str:
        return self.user.name if self.user else ""

    @property
    def path(self) -> str:
        return self.raw_path

    @cached_property
    def segments(self) -> list[str]:
        """The parts of the path, decoded; empty ones do not count."""
        return [unquote(part) for part in self.raw_path.split("/") if part]

    @cached_property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.raw_query, keep_blank_values=True) if self.raw_query else {}

    @cached_property
    def form(self) -> dict[str, list[str]]:
        """The fields of a form in the body."""
        kind = self.headers.get("content-type", "")
        if kind.startswith("application/x-www-form-urlencoded"):
            return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)
        if kind.startswith("multipart/form-data"):
            return _multipart(kind, self.body)
        return {}

    def all(self, name: str) -> list[str]:
        return self.query.get(name, []) + self.form.get(name, [])

    def get(self, name: str, default: str | None = None) -> str | None:
        """A parameter, from the query or from the form."""
        found = self.query.get(name) or self.form.get(name)
        return found[0] if found else default

    @cached_property
    def json(self) -> Any:
        """The form field `json`, which Jenkins' own pages send."""
        try:
            return json.loads(self.get("json") or "null")
        except ValueError:
            return None


def _multipart(kind: str, body: bytes) -> dict[str, list[str]]:
    header = Message()
    header["Content-Type"] = kind
    boundary = b"--" + str(header.get_param("boundary")).encode()
    fields: dict[str, list[str]] = {}
    for part in body.split(boundary)[1:-1]:
        head, _, value = part.strip(b"\r\n").partition(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-disposition"):
                disposition = Message()
                disposition["Content-Disposition"] = line.partition(b":")[2].decode().strip()
                name = disposition.get_param("name", header="Content-Disposition")
                fields.setdefault(str(name), []).append(value.decode("utf-8", "replace"))
    return fields


@dataclass(slots=True)
class Reply:
    """An answer.

    Args:
        status: HTTP status.
        headers: without Content-Length.
        body: as sent.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Answered(Exception):
    """Ends the handling of a request with this answer.

    Args:
        reply: the answer.
    """

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


REASONS = {
    200: "OK",
    201: "Created",
    204: "No Content",
    302: "Found",
    303: "See Other",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
