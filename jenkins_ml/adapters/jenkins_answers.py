"""What a Jenkins server says, and every refusal of it as one of our errors.

Jenkins explains itself in headers (`X-Error`, `X-Required-Permission`) and in pages for people. Which of its answers
carry `X-Jenkins` is a matter of chance (neither a 401 nor a 503 does), so nothing here depends on that header.
"""

from __future__ import annotations

import contextlib
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from jenkins_ml.errors import StageFailed, UsageError
from jenkins_ml.reporting.text import one_line

REDIRECTS: Final = (301, 302, 303, 307, 308)
_LONGEST: Final = 300  # characters of a server's text in a message of ours
_READ: Final = 64 * 2**10  # bytes of a page that are searched for its text
_LOGIN: Final = re.compile(r"/(login|securityRealm|oauth2?|sso|saml2?|adfs|signin|auth)(/|\?|$)", re.IGNORECASE)
# How the web pages call what X-Required-Permission names by its class; elsewhere the class's last word has to do.
_PERMISSION_GROUPS: Final = {
    "hudson.model.Hudson": "Overall",
    "hudson.model.Item": "Job",
    "hudson.model.Run": "Run",
    "hudson.model.View": "View",
    "hudson.model.Computer": "Agent",
    "hudson.scm.SCM": "SCM",
    "com.cloudbees.plugins.credentials.CredentialsProvider": "Credentials",
}


@dataclass(frozen=True)
class Answer:
    """An answer of the server.

    Args:
        status: of HTTP.
        headers: their names in any case.
        body: as it came, decompressed.
        url: what was asked, without a query.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str = ""

    @property
    def text(self) -> str:
        """The body; Jenkins writes UTF-8, and what is none becomes U+FFFD."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            UsageError: it is none, so something else than Jenkins answers there.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise not_jenkins(self) from None

    def object(self) -> Mapping[str, Any]:
        """The JSON object that a status of 200 comes with, as api/json always does.

        Raises:
            UsageError: it is none, so something else than Jenkins answers there.
        """
        value = self.json()
        if self.status != 200 or not isinstance(value, dict):
            raise not_jenkins(self)
        return value


class ServerFailed(StageFailed):
    """Jenkins failed at a request with a status of 500 or above, and has answered so itself.

    Args:
        answer: what it said.
    """

    def __init__(self, answer: Answer) -> None:
        self.status = answer.status
        self.reason = x_error(answer)
        found = re.search(r"Logging ID=([\w-]+)", answer.text)
        self.logging_id = found[1] if found else None
        super().__init__(
            f"Jenkins failed at {answer.url} ({self.status}){': ' + self.reason if self.reason else ''}",
            f"look for {self.logging_id} in the server's log" if self.logging_id else "look into the server's log",
        )


class Forbidden(UsageError):
    """The user lacks a permission."""


def x_error(answer: Answer) -> str:
    """Why Jenkins refuses, in one line: the header X-Error, else what its page shows; empty where it shows nothing."""
    header = answer.headers.get("X-Error", "")
    if header:
        # HTTP headers are read as Latin-1. Some servers write UTF-8 into them, Jetty a blank for what Latin-1 lacks.
        with contextlib.suppress(UnicodeError):
            header = header.encode("latin-1").decode("utf-8")
        return one_line(header, _LONGEST)
    return one_line(_visible(answer), _LONGEST)


def _visible(answer: Answer) -> str:
    """The text of a page without its furniture."""
    page = answer.body[:_READ].decode("utf-8", "replace")
    if "html" not in answer.headers.get("Content-Type", "html"):
        return page
    title = re.search(r"<title>\s*(?:Error \d+ )?([^<]*)</title>.*HTTP ERROR", page, re.DOTALL | re.IGNORECASE)
    if title is not None:  # Jetty's own page: its table says nothing more
        return html.unescape(title[1])
    page = re.sub(r"(?is)<(script|style|head|svg)\b.*?</\1\s*>|<!--.*?-->", " ", page)
    main = re.search(r"(?is)<h[12]\b.*", page)  # what stands before the first heading are menus
    return html.unescape(re.sub(r"(?s)<[^>]*>", " ", main[0] if main else page))


def without_crumb(answer: Answer) -> bool:
    """Whether Jenkins turned the request away, unexecuted, because it wants a (fresh) crumb."""
    return answer.status == 403 and b"No valid crumb" in answer.body[:_READ]


def not_jenkins(answer: Answer) -> UsageError:
    """The failure that an answer stands for which Jenkins would not give."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0] or "no type"
    return UsageError(
        f"what answers at {answer.url} is not Jenkins ({answer.status}, {one_line(kind, 80)})",
        "the URL has to be that of the server's start page, with the path before /job/ if there is one",
    )


def refused_token(answer: Answer, user: str) -> UsageError:
    """The failure of a 401."""
    return UsageError(
        f"Jenkins does not accept the token of user {user} ({answer.status} at {answer.url})",
        "it may have been revoked, or belong to another server: make one on the web page of the user, "
        "Security, API Token",
    )


def forbidden(answer: Answer, user: str) -> Forbidden:
    """The failure of a 403: what permission is missing, as the web pages call it."""
    user = one_line(answer.headers.get("X-You-Are-Authenticated-As", "") or user, 80)
    said = _visible(answer)
    page = re.search(r"is missing the (\S+/\S+) permission", said)
    needed = page[1] if page else _permission(answer.headers.get("X-Required-Permission", ""))
    if needed:
        return Forbidden(
            f"user {user} is missing the {one_line(needed, 80)} permission at {answer.url}",
            "an administrator of the server or of the folder can grant it",
        )
    said = one_line(said, _LONGEST)
    return Forbidden(
        f"Jenkins does not let user {user} do this at {answer.url}{': ' + said if said else ''}",
        "look at what the user may do there, and whether a proxy before the server forbids it",
    )


def _permission(name: str) -> str:
    """hudson.model.Item.Configure -> Job/Configure."""
    group, _, right = name.rpartition(".")
    return f"{_PERMISSION_GROUPS.get(group, group.rpartition('.')[2])}/{right}" if group else ""


def elsewhere(answer: Answer, server: str, safe: bool) -> UsageError | None:
    """The failure that a redirect stands for; None for one that Jenkins sends for its own purposes.

    After a POST Jenkins leads to a page of its own, by a path or by the address that it believes to have, which may
    differ from ours. A redirect to log in means that nothing was done.

    Args:
        answer: the answer.
        server: the address of the server, with a slash at the end.
        safe: whether the request was a GET or HEAD.
    """
    target = answer.headers.get("Location", "")
    if answer.status not in REDIRECTS or not target:
        return None
    base, there = urlsplit(server), urlsplit(urljoin(answer.url or server, target))
    shown = one_line(f"{there.scheme}://{there.hostname}{there.path}", 200)
    before_item = there.path.removeprefix(base.path.rstrip("/")).partition("/job/")[0]  # a job may be called "login"
    if _LOGIN.search(before_item):
        return UsageError(
            f"{answer.url} leads to a login page ({shown})",
            "the login is done by something before Jenkins that does not take API tokens: give the address of Jenkins "
            "behind it, or let it pass requests with Basic authentication",
        )
    same = (there.scheme, there.netloc) == (base.scheme, base.netloc)
    ours = there.path.startswith(base.path) or there.path + "/" == base.path
    if same and (ours or not safe):
        return None
    own = re.match(r"(?:.*/)?(job|queue|view|computer)/", there.path) or there.path in ("", "/", base.path)
    moved = there.path == urlsplit(answer.url).path  # the same request, at another address
    if not safe and answer.status in (302, 303) and own and not moved:
        return None
    return UsageError(f"{server} leads to {shown}", "give the address that it leads to, if that is your Jenkins")
