"""Calls of a forge's HTTP API: deadlines, retries, redirects and pages, and every refusal as one of our errors.

The token goes to the origin of the configured API and nowhere else. Certificates are verified, proxies are those of the
environment (`https_proxy`, `no_proxy`).
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit

from jenkins_ml import __version__, names
from jenkins_ml.adapters.web import within
from jenkins_ml.errors import StageFailed, Unavailable, UsageError
from jenkins_ml.reporting.text import one_line

TOTAL_SECONDS: Final = 60.0
REQUEST_SECONDS: Final = 15.0
_TRIES: Final = 4
_REDIRECTS: Final = 5
_PAGES: Final = 100
_MOST_BYTES: Final = 64 * 2**20  # a page of a hundred of the longest comments stays below
_MOVED: Final = (301, 302, 303, 307, 308)
_BUSY: Final = (502, 503, 504)
# GitHub asks for at least a minute where it names no time, which is the whole deadline: then nothing is repeated.
_UNNAMED_LIMIT_SECONDS: Final = 60.0

_LATER: Final = "try again later; behind a proxy, set https_proxy and no_proxy on the agent"


@dataclass(frozen=True)
class Clock:
    """Where time comes from: seconds that never go backwards, seconds since 1970, and how to wait."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Answer:
    """What the API said: HTTP status, headers, and the JSON (None where there is none)."""

    status: int
    headers: Mapping[str, str]
    value: Any

    @property
    def message(self) -> str:
        """What it says is wrong, in one line; empty where it says nothing."""
        if not isinstance(self.value, dict):
            return ""
        said = [self.value.get("message") or self.value.get("error")]
        errors = self.value.get("errors")
        said += (
            [error.get("message") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
        )
        return one_line("; ".join(text if isinstance(text, str) else json.dumps(text) for text in said if text), 300)


class Refused(StageFailed):
    """The API does not take what was asked.

    Args:
        what: what happened.
        answer: what it said.
    """

    def __init__(self, what: str, answer: Answer) -> None:
        super().__init__(what, "see what it says; `jenkins-ml publish` can be repeated")
        self.answer = answer


class Unclear(Unavailable):
    """A call that must not be repeated blindly broke off: nobody knows whether it was carried out."""


class _Limited(Unavailable):
    """The rate limit is used up."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Redirects are answers: the client decides whether the token may follow."""

    def redirect_request(self, *_: Any) -> None:
        """Follow none."""


class Client:
    """One conversation with an API; all its calls together take a minute at most.

    Args:
        name: "GitHub", for messages.
        api: its address, such as "https://api.github.com".
        token: what `JENKINS_ML_FORGE_TOKEN` holds; white space around it is dropped.
        needs: what the token must be allowed to do, for messages.
        headers: more headers of each request.
        clock: for tests.

    Raises:
        UsageError: the address or the token cannot be one.
    """

    def __init__(
        self, name: str, api: str, token: str, *, needs: str, headers: Mapping[str, str], clock: Clock | None = None
    ) -> None:
        self.name = name
        self._api = _address(api)
        self._token = token.strip()
        # Checked here, because http.client would print a header that it refuses.
        if not re.fullmatch(r"[\x21-\x7e]+", self._token):
            raise UsageError(
                f"{names.ENV_FORGE_TOKEN} holds no token", "it is one word: look at the credential that it comes from"
            )
        self._needs = needs
        self._headers = {
            "Accept": "application/json",
            "User-Agent": f"jenkins-ml/{__version__}",  # GitHub refuses requests without one
            **headers,
        }
        self._clock = clock or Clock()
        self._ends = self._clock.monotonic() + TOTAL_SECONDS
        self._opener = urllib.request.build_opener(_NoRedirects)

    def call(self, method: str, path: str, body: Any = None, *, doing: str, repeat: bool = True) -> Answer:
        """One call; a forge that is busy is asked again within the deadline.

        Args:
            method: the HTTP method.
            path: what is added to the API's address, quoted.
            body: what is sent as JSON; None for nothing.
            doing: "set the status", for messages.
            repeat: whether doing it twice is as good as once.

        Raises:
            UsageError: the token is not accepted or may not do this, there is no such thing, or this is no such API.
            Refused: it does not take what was sent.
            Unclear: it broke off, and must not be repeated.
            Unavailable: it does not answer, has no time, or the token's rate limit is used up.
        """
        for attempt in range(1, _TRIES + 1):
            try:
                answer = self._follow(method, path, body)
            except (OSError, http.client.HTTPException) as error:
                failure: Unavailable = Unavailable(f"{self.name} cannot be reached: {self._reason(error)}", _LATER)
                pause = 2.0 ** (attempt - 1)
            else:
                if answer.status < 300:
                    return answer
                limited = self._limited(answer)
                if limited is None and answer.status not in _BUSY:
                    raise self._refusal(answer, doing)
                asked = self._asked(answer)
                pause = (
                    asked if asked is not None else 2.0 ** (attempt - 1) if limited is None else _UNNAMED_LIMIT_SECONDS
                )
                failure = limited or Unavailable(f"{self.name} is not available: it answered {answer.status}", _LATER)
            # A limit turns a call away before it does anything; of the others nobody knows.
            if not repeat and not isinstance(failure, _Limited):
                raise Unclear(failure.what, failure.next_step)
            if attempt == _TRIES or pause >= self._left():
                raise failure
            self._clock.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def pages(self, path: str, *, doing: str) -> Iterator[Any]:
        """Every element of a list, page by page, as the header Link leads on.

        Raises:
            StageFailed: it has no end; and what `call` raises.
        """
        for _ in range(_PAGES):
            answer = self.call("GET", path, doing=doing)
            if not isinstance(answer.value, list):
                raise self.unexpected(doing)
            yield from answer.value
            following = re.search(r'<([^<>]*)>\s*;[^,]*\brel="?next\b', answer.headers.get("link", ""))
            if following is None:
                return
            path = self._path_of(following[1], doing)
        raise StageFailed(f"{self.name} has more than {_PAGES} pages: could not {doing}", "close it and open a new one")

    def unexpected(self, doing: str) -> UsageError:
        """The failure that an answer stands for which is not what the API documents."""
        return UsageError(
            f"could not {doing}: what answers at {self._api.geturl()} is not the API of {self.name}",
            "set jenkins.forge.kind and jenkins.forge.api",
        )

    def _left(self) -> float:
        return self._ends - self._clock.monotonic()

    def _follow(self, method: str, path: str, body: Any) -> Answer:
        """One exchange and the redirects it meets; method and body stay, as GitHub asks for (303 alone means GET)."""
        url = self._api.geturl() + path
        for _ in range(_REDIRECTS):
            answer = self._exchange(method, url, body)
            target = answer.headers.get("location", "")
            if answer.status not in _MOVED or not target:
                return answer
            url = urljoin(url, target)
            if _origin(urlsplit(url)) != _origin(self._api):
                shown = urlsplit(url)
                raise UsageError(
                    f"{self.name} sends us from {self._api.geturl()} to {shown.scheme}://{shown.hostname}, "
                    "where the token must not go",
                    "set jenkins.forge.api to the address of the API itself",
                )
            if answer.status == 303:
                method, body = "GET", None
        raise UsageError(
            f"{self.name} redirects in a circle at {self._api.geturl()}", "set jenkins.forge.api to the API's address"
        )

    def _exchange(self, method: str, url: str, body: Any) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, self._headers, method=method)  # noqa: S310 - http(s), see _address
        if data is not None:
            request.add_header("Content-Type", "application/json")
        request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        seconds = min(REQUEST_SECONDS, self._left())
        if seconds <= 0:
            raise TimeoutError(f"no answer within {TOTAL_SECONDS:g} s")
        return within(seconds, lambda: self._open(request, seconds))

    def _open(self, request: urllib.request.Request, seconds: float) -> Answer:
        try:
            with self._opener.open(request, timeout=seconds) as response:
                return _answer(response.status, response.headers, response.read(_MOST_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error.headers, error.read(_MOST_BYTES))

    def _reason(self, error: BaseException) -> str:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise UsageError(
                f"the certificate of {self.name} at {self._api.hostname} is not trusted: {reason.verify_message}",
                "name your authority's certificates in SSL_CERT_FILE",
            ) from error
        return one_line(self._without_token(str(reason) or type(reason).__name__), 300)

    def _without_token(self, text: str) -> str:
        return text.replace(self._token, "***")

    def _limited(self, answer: Answer) -> _Limited | None:
        """The rate limit that turned us away, if one did (GitHub says so with 403 or 429, GitLab with 429)."""
        said = answer.headers.get("x-ratelimit-remaining") == "0" or "rate limit" in answer.message.lower()
        if answer.status != 429 and not (answer.status == 403 and (said or "retry-after" in answer.headers)):
            return None
        asked = self._asked(answer)
        until = "" if asked is None else f"; it may be used again at {_time_of_day(self._clock.wall() + asked)}"
        return _Limited(
            f"the rate limit of {self.name} for this token is used up{until}", "wait, or use a token of its own"
        )

    def _asked(self, answer: Answer) -> float | None:
        """The seconds that it asks us to wait."""
        now = self._clock.wall()
        if text := answer.headers.get("retry-after", "").strip():
            if re.fullmatch(r"[0-9]{1,9}", text):
                return float(text)
            try:
                return max(0.0, parsedate_to_datetime(text).timestamp() - now)
            except ValueError:
                return None
        # GitHub sends its limit with every answer; it asks to wait only when nothing remains.
        if answer.headers.get("x-ratelimit-remaining") == "0":
            reset = answer.headers.get("x-ratelimit-reset", "")
            return max(0.0, float(reset) - now) if re.fullmatch(r"[0-9]{1,12}", reset) else None
        return None

    def _refusal(self, answer: Answer, doing: str) -> UsageError | Refused:
        said = self._without_token(f": {answer.message}" if answer.message else "")
        if answer.status == 401:
            return UsageError(
                f"{self.name} does not accept the token in {names.ENV_FORGE_TOKEN}{said}",
                f"it may have expired; make one that has {self._needs}",
            )
        if answer.status == 403:
            return UsageError(f"{self.name} does not let this token {doing}{said}", f"the token needs {self._needs}")
        if answer.status == 404:
            return UsageError(
                f"could not {doing}: {self.name} has no such thing, or hides it from this token{said}",
                f"look at jenkins.forge.repository; the token needs {self._needs}",
            )
        return Refused(f"{self.name} refused to {doing} ({answer.status}){said}", answer)

    def _path_of(self, link: str, doing: str) -> str:
        """The path of a link within the API. Only path and query count, so that no link leads the token elsewhere."""
        parts = urlsplit(link)
        if not parts.path.startswith(self._api.path + "/"):
            raise self.unexpected(doing)
        return parts.path[len(self._api.path) :] + (f"?{parts.query}" if parts.query else "")


def _address(api: str) -> SplitResult:
    try:
        parts = urlsplit(api.strip().rstrip("/"))
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if (
        not usable
        or parts.username is not None
        or parts.query
        or parts.fragment
        or re.search(r"[^\x21-\x7e]", api.strip())
    ):
        raise UsageError(
            "jenkins.forge.api is no address of an API",
            'write it as "https://github.example.com/api/v3" or "https://gitlab.example.com/api/v4", with no user in it',
        )
    return parts


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _answer(status: int, headers: Message, body: bytes) -> Answer:
    try:
        value = json.loads(body) if body else None
    except (ValueError, RecursionError):
        value = None
    return Answer(status, {name.lower(): text for name, text in headers.items()}, value)


def _time_of_day(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%H:%M UTC")
