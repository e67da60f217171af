"""The answers that a Jenkins gives again and again: its error pages, redirects, plain texts."""

import html
import json
import uuid
from typing import Any
from urllib.parse import quote

from tests.fakes.jenkins.messages import Reply, Request

VERSION = "2.479.3"
_SNIFF = {"X-Content-Type-Options": "nosniff"}
JSON = "application/json;charset=utf-8"
TEXT = "text/plain;charset=utf-8"
HTML = "text/html;charset=utf-8"
NEW_SESSION = "JSESSIONID"  # a page begins a session, unless there is one
GONE_COOKIE = "remember-me=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0"


def done(status: int = 200) -> Reply:
    """No more than a status."""
    return Reply(status, dict(_SNIFF))


def text(body: str | bytes, kind: str = TEXT, status: int = 200, **headers: str) -> Reply:
    data = body if isinstance(body, bytes) else body.encode()
    return Reply(status, {**_SNIFF, "Content-Type": kind, **headers}, data)


def plain_json(value: Any, status: int = 200) -> Reply:
    """JSON of a plugin, which does not tell Jenkins' version."""
    return text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), JSON, status)


def redirect(location: str, status: int = 302) -> Reply:
    return Reply(status, {**_SNIFF, "Location": location})


def core(session: str) -> dict[str, str]:
    """The headers by which a page of Jenkins' core is known."""
    return {**_SNIFF, "X-Jenkins": VERSION, "X-Jenkins-Session": session}


class Pages:
    """The pages of one server.

    Args:
        session: what X-Jenkins-Session says; changes with a restart.
    """

    def __init__(self, session: str) -> None:
        self.session = session

    def page(self, status: int, main: str, **headers: str) -> Reply:
        """A page of Jenkins' core, as bare as the tests need it."""
        more = {"Set-Cookie": NEW_SESSION, "Content-Type": HTML, "X-Hudson": "1.395", **core(self.session)}
        body = f'<!DOCTYPE html><html lang="en"><head><title>Jenkins</title></head><body>{main}</body></html>'
        return Reply(status, more | headers, body.encode())

    def oops(self, status: int = 500) -> Reply:
        problem = f"<h2>A problem occurred while processing the request</h2><p>Logging ID={uuid.uuid4()}</p>"
        return self.page(status, f"<h1><span>Oops!</span></h1><div>{problem}</div>")

    def not_found(self) -> Reply:
        said = "<h2>Not Found</h2><p>This page may not exist, or you may not have permission to see it.</p>"
        return self.page(404, f"<h1><span>Oops!</span></h1><div>{said}</div>")

    def failure(self, message: str, header: str | None = None, status: int = 400) -> Reply:
        """What hudson.model.Failure shows; the header cannot carry everything that the page can."""
        sent = header or message
        for mark in "\u2018\u2019\u201c\u201d":
            sent = sent.replace(mark, " ")
        sent = sent.encode("latin-1", "replace").decode("latin-1")
        shown = f"<h1>Error</h1><p>{html.escape(message, quote=False)}</p>"
        return self.page(status, shown, **{"X-Error": sent})

    def denied(self, user: str, permission: str, identity: str) -> Reply:
        group = "JENKINS-39402: use -Dhudson.security.AccessDeniedException2.REPORT_GROUP_HEADERS=true"
        headers = {
            "X-You-Are-Authenticated-As": user,
            "X-You-Are-In-Group-Disabled": f"{group} or use /whoAmI to diagnose",
            "X-Required-Permission": identity,
        }
        if identity != "hudson.model.Hudson.Administer":
            headers["X-Permission-Implied-By"] = "hudson.model.Hudson.Administer"
        said = f"{user} is missing the {permission} permission"
        return self.page(403, f"<h1>Access Denied</h1><p>{said}</p>", **headers)

    def discovered(self, name: str) -> Reply:
        return self.page(403, f"<h1>Access Denied</h1><p>Please login to access job {name}</p>")

    def login(self, request: Request) -> Reply:
        """Where an anonymous reader is sent."""
        to = f"/login?from={quote(request.raw_path, safe='')}"
        script = "<script id='redirect' data-redirect-url='{}' src='/static/0/scripts/redirect.js'></script>"
        head = f"<head><meta http-equiv='refresh' content='1;url={to}'/>{script.format(to)}</head>"
        style = "background-color:white; color:white;"
        body = f"<html>{head}<body style='{style}'>\nAuthentication required\n<!--\n-->\n\n</body></html>"
        reply = self.page(403, "")
        reply.body = body.encode()
        return reply

    def needs_post(self, url: str) -> Reply:
        said = (
            "<h1>This URL requires POST</h1><p>The URL you're trying to access requires that requests be sent using "
            "POST (like a form submission). The button below allows you to retry accessing this URL using POST. "
            f"URL being accessed:</p><p><code>{html.escape(url)}</code></p><p><strong>If you were sent here from an "
            "untrusted source, please proceed with caution.</strong></p>"
            '<form method="post" name="retry"><button name="Submit"> Retry using POST </button></form>'
        )
        return self.page(405, said)

    def build_needs_post(self) -> Reply:
        said = (
            "<p>You must use POST method to trigger builds. (From scripts you may instead pass a per-project "
            "authentication token, or authenticate with your API token.) If you see this page, it may be because a "
            "plugin offered a GET link; file a bug report for that plugin.</p>"
            '<form method="POST"><input type="submit" value="Proceed"></form>'
        )
        return self.page(405, said)


def jetty(status: int, message: str, request: Request, **headers: str) -> Reply:
    """An error page of the servlet container: nothing in it is Jenkins'."""
    body = (
        '<html>\n<head>\n<meta http-equiv="Content-Type" content="text/html;charset=ISO-8859-1"/>\n'
        f"<title>Error {status} {message}</title>\n</head>\n<body><h2>HTTP ERROR {status} {message}</h2>\n<table>\n"
        f"<tr><th>URI:</th><td>{html.escape(request.raw_path)}</td></tr>\n<tr><th>STATUS:</th><td>{status}</td></tr>\n"
        f"<tr><th>MESSAGE:</th><td>{message}</td></tr>\n<tr><th>SERVLET:</th><td>Stapler</td></tr>\n</table>\n"
        '<hr/><a href="https://jetty.org/">Powered by Jetty:// 12.0.16</a><hr/>\n\n</body>\n</html>\n'
    )
    return text(body, "text/html;charset=iso-8859-1", status, **headers)


def unauthorized(request: Request) -> Reply:
    challenge = {"Set-Cookie": GONE_COOKIE, "WWW-Authenticate": 'Basic realm="Jenkins"'}
    return jetty(401, "Unauthorized", request, **challenge)


def no_crumb(request: Request) -> Reply:
    return jetty(403, "No valid crumb was included in the request", request)


def restarting() -> Reply:
    said = (
        "<h1><p>Jenkins is restarting</p></h1><p>Your browser will reload automatically when Jenkins is ready</p>"
        "<p><strong>Safe Restart</strong></p><p>Builds on agents can usually continue.</p>"
    )
    body = f'<!DOCTYPE html><html lang="en"><body><div role="main"><img alt="Jenkins logo">{said}</div></body></html>'
    return text(body, HTML, 503)


def quoted(text: str) -> str:
    """In Jenkins' quotes."""
    return f"\u2018{text}\u2019"
