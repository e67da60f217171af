"""How a recorded exchange is put to the fake Jenkins, and how the answers are compared."""

import base64
import json
import re
import socket
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.jenkins import FakeJenkins
from tests.fakes.jenkins.asking import Answer, Asker

HOST = "http://jenkins.test/"
COMPARED = (
    "location",
    "content-type",
    "www-authenticate",
    "x-error",
    "x-more-data",
    "x-required-permission",
    "x-permission-implied-by",
    "x-you-are-authenticated-as",
    "x-you-are-in-group-disabled",
    "x-content-type-options",
    "x-hudson",
    "x-jenkins",
)
PRESENT = ("x-jenkins-session", "x-text-size", "last-modified")
# Numbers that two servers do not share: times and how long things took.
_TIMES = re.compile(
    r'("(?:timestamp|inQueueSince|buildableStartMilliseconds|duration|estimatedDuration|executorUtilization'
    r'|\w+DurationMillis|\w+TimeMillis|durationMillis)" ?: ?)[0-9.]+'
)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DATES = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\w*,? \w{3,9} \d{1,2},? (?:\d\d:\d\d:\d\d UTC )?\d{4}(?: at [0-9:]+ [AP]M)?"
)
_CRUMB = re.compile(r"\b[0-9a-f]{64}\b")
_CIPHER = re.compile(r"\{AQAAAB[^}]*\}")


@dataclass
class Replay:
    """A recording, put to a server.

    Args:
        server: the fake.
        offsets: recorded offsets into a log, and the fake's.
        crumb: the last crumb that the fake gave out, and its session.
    """

    server: FakeJenkins
    offsets: dict[str, str] = field(default_factory=dict)
    crumb: tuple[str, str] = ("", "")
    askers: list[Asker] = field(default_factory=list)

    def put(self, exchange: dict[str, Any], replaced: dict[str, str]) -> list[str]:
        """Asks what was asked, and says what is different."""
        request, expected = exchange["request"], exchange["response"]
        headers = {name: self._filled(text, replaced) for name, text in request["headers"].items()}
        if "Authorization" in headers and headers["Authorization"].startswith("Basic "):
            secret = headers["Authorization"].removeprefix("Basic base64(").removesuffix(")")
            headers["Authorization"] = "Basic " + base64.b64encode(secret.encode()).decode()
        path = re.sub(r"start=(\d+)", lambda at: f"start={self.offsets.get(at[1], at[1])}", request["path"])
        if expected["status"] is None:
            return self._refused(expected)
        with Asker(self.server) as asker:
            answer = asker.ask(request["method"], path.replace(" ", "%20"), request["body"], headers)
        self._learn(expected, answer)
        return [*self._headers(expected, answer), *compared(exchange, answer, self.server.url)]

    def _filled(self, text: str, replaced: dict[str, str]) -> str:
        text = text.replace("<crumb>", replaced.get("crumb", self.crumb[0]))
        return text.replace("<session>", self.crumb[1])

    def _refused(self, expected: dict[str, Any]) -> list[str]:
        try:
            socket.create_connection(self.server.address).close()
        except ConnectionRefusedError:
            return []
        return [f"somebody listens; recorded was {expected['error']}"]

    def _learn(self, expected: dict[str, Any], answer: Answer) -> None:
        if (size := answer.headers.get("x-text-size")) and "X-Text-Size" in expected["headers"]:
            self.offsets[expected["headers"]["X-Text-Size"]] = size
        if b'"crumb"' in answer.body and (cookie := answer.headers.get("set-cookie")):
            self.crumb = answer.json["crumb"], cookie.partition("=")[2].partition(";")[0]

    def _headers(self, expected: dict[str, Any], answer: Answer) -> list[str]:
        told = {name.lower(): text.strip().replace(HOST, self.server.url) for name, text in expected["headers"].items()}
        problems = [
            f"{name}: {answer.headers.get(name)!r} instead of {told.get(name)!r}"
            for name in COMPARED
            if told.get(name) != (answer.headers[name].strip() if name in answer.headers else None)
        ]
        problems += [f"{name} is there or not" for name in PRESENT if (name in told) != (name in answer.headers)]
        cookies = [each.get("set-cookie", "").partition("=")[0] for each in (told, answer.headers)]
        if cookies[0] != cookies[1]:
            problems.append(f"cookie {cookies[1]!r} instead of {cookies[0]!r}")
        return problems


def lagging(told: str, said: str) -> bool:
    """A build that has just begun: whether its job's color moves yet is a matter of milliseconds."""
    return told.replace('"notbuilt"', '"notbuilt_anime"') == said


def rubbish(told: str, said: str) -> bool:
    """Both are the rest of a console note that a wrong offset cut in two, and then the same log, if not from one place."""
    cut = re.compile(r"^[A-Za-z0-9+/=]{8,}\x1b\[0m")
    if not cut.match(told) or not cut.match(said):
        return False
    told, said = cut.sub("", told), cut.sub("", said)
    start = told.find(said.partition("\r\n")[0])
    return start >= 0 and said.startswith(told[start:])


# Exchanges of which the exact answer is a matter of milliseconds, or of ciphers.
LOOSER = {
    "queue-item-after-coalesce": lagging,
    "progressive-start-at-end-done": rubbish,
    "progressive-start-at-body-length-done": rubbish,
}


def compared(exchange: dict[str, Any], answer: Answer, url: str) -> list[str]:
    """What differs in status and body."""
    expected = exchange["response"]
    if answer.status != expected["status"]:
        return [f"status {answer.status} instead of {expected['status']}: {visible(answer.text)[:300]}"]
    if exchange["request"]["method"] == "HEAD":
        return [] if not answer.body else ["a body"]
    told, kind = expected["body_excerpt"], expected["headers"].get("Content-Type", "")
    if kind == "application/zip":
        return [] if answer.body.startswith(b"PK") else ["no archive"]
    said = answer.text.replace(url, HOST)
    if (looser := LOOSER.get(exchange["name"])) and looser(timeless(told), timeless(said)):
        return []
    cut = expected.get("truncated", False)
    if kind.startswith("application/json") and not cut:
        return differences(json.loads(timeless(told)), json.loads(timeless(said)))
    told, said = timeless(told), timeless(said)
    if "html" in kind:
        told, said = visible(told), visible(said)
    if told == said or (cut and said.startswith(told.rstrip())):
        return []
    return [f"said {said[:1500]!r}\n          recorded {told[:1500]!r}"]


def timeless(text: str) -> str:
    """Without what differs between two servers."""
    text = _TIMES.sub(r"\g<1>0", text)
    text = _CRUMB.sub("<crumb>", text)
    text = _UUID.sub("<uuid>", text).replace("{AQAAABAAAA<ciphertext>}", "SECRET")
    return _DATES.sub("<date>", _CIPHER.sub("SECRET", text))


def visible(page: str) -> str:
    """A page's text."""
    page = re.sub(r"<script.*?</script>|<head>.*?</head>|<!DOCTYPE[^>]*>|<!--.*?-->", " ", page, flags=re.DOTALL)
    page = re.sub(r"<[^>]*>|<[^>]*$", " ", page)
    page = re.sub(r"\S*/images/\S+\.svg\"[^>]*>|^\s*\.\.\.", " ", page)
    for name, char in (("lt", "<"), ("gt", ">"), ("quot", '"'), ("amp", "&")):
        page = page.replace(f"&{name};", char)
    return " ".join(page.split())


def differences(expected: Any, got: Any, at: str = "") -> list[str]:
    """Where two values differ."""
    if isinstance(expected, dict) and isinstance(got, dict):
        found = [f"{at}.{name} is missing" for name in expected if name not in got]
        found += [f"{at}.{name} is too much" for name in got if name not in expected]
        for name in expected:
            found += differences(expected[name], got[name], f"{at}.{name}") if name in got else []
        return found
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        return [
            each for i, pair in enumerate(zip(expected, got, strict=True)) for each in differences(*pair, f"{at}[{i}]")
        ]
    return [] if expected == got else [f"{at}: {got!r} instead of {expected!r}"]
