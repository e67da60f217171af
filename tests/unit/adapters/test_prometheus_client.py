"""The client of Prometheus' API, against servers that answer whatever they like."""

import contextlib
import json
import math
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from jenkins_ml.adapters import web
from jenkins_ml.adapters.prometheus import Prometheus, Sample
from jenkins_ml.core.monitoring.promql import matching
from jenkins_ml.errors import Unavailable, UsageError


@contextlib.contextmanager
def answering(status=200, body=b"", headers=()):
    """The address of a server that gives one answer to everything, and what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers.get("Content-Length", 0))
            asked.append((self.path, dict(self.headers), parse_qs(self.rfile.read(length).decode())))
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def good(kind, result, **more):
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}, **more}).encode()


def test_a_vector_and_a_scalar(tmp_path):
    (tmp_path / "token").write_text(" secret\n")
    series = [
        {"metric": {"__name__": "up", "job": "x"}, "value": [1.5, "1"]},
        {"metric": {}, "value": [1.5, "NaN"]},
        {"metric": {"job": "y"}, "value": [1.5, "+Inf"]},
    ]
    with answering(body=good("vector", series)) as (url, asked):
        first, nan, infinite = Prometheus(url, tmp_path / "token").query("up")
    assert first == Sample({"__name__": "up", "job": "x"}, 1.0, 1.5)
    assert math.isnan(nan.value)
    assert infinite.value == math.inf
    [(path, headers, form)] = asked
    assert (path, headers["Authorization"], form["query"]) == ("/api/v1/query", "Bearer secret", ["up"])
    with answering(body=good("scalar", [2, "0.5"])) as (url, asked):
        assert Prometheus(url).query("scalar(up)") == (Sample({}, 0.5, 2.0),)
    assert "Authorization" not in asked[0][1]


@pytest.mark.parametrize(
    ("status", "body", "failure", "said"),
    [
        (200, b"<html>hello</html>", Unavailable, "answers 200: <html>hello</html>"),
        (200, b"[" * 100_000, Unavailable, "answers 200"),
        (200, b'{"status": "success"}', Unavailable, "is not the API of Prometheus"),
        (200, good("vector", [{"metric": {"a": 1}, "value": [1, "1"]}]), Unavailable, "is not the API"),
        (200, good("vector", [{"metric": {}, "value": [1, "many"]}]), Unavailable, "is not the API"),
        (200, good("vector", None), Unavailable, "is not the API"),
        (200, good("matrix", []), UsageError, "answered a matrix"),
        (200, good("vector", [], warnings=["a store is away"]), Unavailable, "only in part: a store is away"),
        (
            400,
            b'{"status": "error", "error": "parse error: \\u001b[1m"}',
            UsageError,
            "cannot evaluate up: parse error",
        ),
        (401, b"", UsageError, r"does not let us in \(401\)"),
        (302, b"", Unavailable, "answers 302"),
        (503, b'{"status": "error", "error": "query timed out"}', Unavailable, "answers 503: query timed out"),
    ],
)
def test_answers_that_are_none(status, body, failure, said):
    with answering(status, body, [("Location", "/elsewhere")]) as (url, asked):
        with pytest.raises(failure, match=said) as caught:
            Prometheus(url).query("up")
        assert "\x1b" not in str(caught.value)
        assert len(asked) == 1


def test_an_answer_that_is_too_long(monkeypatch):
    monkeypatch.setattr(web, "_MOST_BYTES", 100)
    with (
        answering(body=b"x" * 101) as (url, _),
        pytest.raises(Unavailable, match="does not answer: the answer is longer"),
    ):
        Prometheus(url).query("up")


def test_nobody_there_and_nobody_who_answers():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(Unavailable, match=r"timed out|no answer within 0.1 s"):
            Prometheus(address, seconds=0.1).query("up")
    with pytest.raises(Unavailable, match="refused"):
        Prometheus(address).query("up")


@pytest.mark.parametrize("text", ["", "two words", "caf\u00e9", "a\nb: c"])
def test_what_is_no_token_is_not_sent(tmp_path, text):
    (tmp_path / "token").write_text(text)
    with answering() as (url, asked):
        with pytest.raises(UsageError, match="does not hold a bearer token"):
            Prometheus(url, tmp_path / "token").query("up")
        with pytest.raises((UsageError, Unavailable), match="token_file"):
            Prometheus(url, tmp_path / "none").query("up")
    assert asked == []


def test_matchers_are_quoted():
    assert matching(model='a"b\\c', version="3") == 'model="a\\"b\\\\c",version="3"'
