"""A fake of GitHub's and GitLab's REST APIs on the loopback interface, as far as `publish` uses them.

It behaves as their pages say (see the docstrings of adapters/forge_github.py and forge_gitlab.py): tokens, pages with a
Link header, limits of lengths, what is refused and how.
"""

import contextlib
import json
import re
import ssl
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

TOKEN = "token-of-the-bot"
BOT = 7
SOMEBODY = 8
HEAD = "a" * 40
OTHER = "b" * 40


@dataclass
class Canned:
    """An answer that is given instead of the real one.

    Args:
        status: HTTP status; 0 closes the connection without an answer.
        headers: of the answer.
        body: JSON, or bytes as they are.
        after: the request is carried out first, as when an answer gets lost.
        on: only for requests with this method.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    after: bool = False
    on: str | None = None


@dataclass(frozen=True)
class Seen:
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class FakeForge:
    """The server; as a context manager it runs.

    Args:
        prefix: path of the API.
        repository: the one repository that it has.
    """

    kind = ""

    def __init__(self, repository: str = "acme/digits", prefix: str = "") -> None:
        self.repository = repository
        self.prefix = prefix
        self.users = {TOKEN: BOT}
        self.commits = {HEAD, OTHER}
        self.forbidden: set[str] = set()  # parts of paths that the token may not use
        self.heads = {"3": HEAD}
        self.comments: list[dict[str, Any]] = []
        self.statuses: list[dict[str, Any]] = []
        self.canned: deque[Canned] = deque()
        self.seen: list[Seen] = []
        self.released = threading.Event()  # what hangs waits for it
        self.released.set()
        self.certificate: tuple[Path, Path] | None = None  # and its key: then it speaks TLS
        self._ids = iter(range(100, 100_000))

    def __enter__(self) -> "FakeForge":
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def origin(self) -> str:
        return f"http{'s' if self.certificate else ''}://127.0.0.1:{self._server.server_address[1]}"

    @property
    def api(self) -> str:
        return self.origin + self.prefix

    def calls(self, method: str) -> list[str]:
        """The paths that were asked for with a method."""
        return [seen.path for seen in self.seen if seen.method == method]

    def say(self, body: str, author: int = SOMEBODY, request: str = "3", **more: Any) -> int:
        """A comment that somebody wrote."""
        comment = {"id": next(self._ids), "request": request, "author": author, "body": body, **more}
        self.comments.append(comment)
        return comment["id"]

    def bodies(self, author: int = BOT) -> list[str]:
        """What somebody's comments say."""
        return [comment["body"] for comment in self.comments if comment["author"] == author]

    def answer(self, seen: Seen) -> tuple[int, dict[str, str], Any]:
        """What the API says; carries the request out."""
        parts = urlsplit(seen.path)
        user = self.users.get(seen.headers.get("authorization", "").removeprefix("Bearer "))
        if user is None:
            return 401, {}, {"message": self.unauthorized}
        if not parts.path.startswith(self.prefix):
            return 404, {}, {"message": self.not_found}
        path = parts.path.removeprefix(self.prefix)
        if any(part in path for part in self.forbidden):
            return 403, {}, {"message": self.forbidding}
        if (seen.method, path) == ("GET", "/user"):
            return 200, {}, {"id": user}
        for method, pattern, answer in self.routes():
            if seen.method == method and (match := re.fullmatch(pattern, path)):
                return answer(*match.groups(), user=user, body=seen.body, query=parse_qs(parts.query))
        return 404, {}, {"message": self.not_found}

    def page(self, path: str, query: dict[str, list[str]], shown: list[Any]) -> tuple[int, dict[str, str], Any]:
        size = min(int(query.get("per_page", [str(self.page_size)])[0]), 100)
        number = int(query.get("page", ["1"])[0])
        rest = "&".join(f"{name}={values[0]}" for name, values in query.items() if name != "page")
        url = f"{self.api}{path}?{rest}&page={{}}"
        links = [f'<{url.format(number - 1)}>; rel="prev"'] if number > 1 else []
        if number * size < len(shown):
            links += [f'<{url.format(number + 1)}>; rel="next"', f'<{url.format(-(-len(shown) // size))}>; rel="last"']
        return 200, {"Link": ", ".join(links)} if links else {}, shown[(number - 1) * size : number * size]

    unauthorized = not_found = forbidding = ""
    page_size = 0

    def routes(self) -> list[tuple[str, str, Any]]:
        raise NotImplementedError


class FakeGitHub(FakeForge):
    kind = "github"
    unauthorized = "Bad credentials"
    not_found = "Not Found"
    forbidding = "Resource not accessible by personal access token"
    page_size = 30

    def routes(self):
        here = f"/repos/{self.repository}"
        return [
            ("POST", f"{here}/statuses/([^/]+)", self._status),
            ("GET", f"{here}/pulls/([0-9]+)", self._pull),
            ("GET", f"{here}/issues/([0-9]+)/comments", self._list),
            ("POST", f"{here}/issues/([0-9]+)/comments", self._create),
            ("PATCH", f"{here}/issues/comments/([0-9]+)", self._update),
        ]

    def _status(self, sha, *, body, **_):
        if sha not in self.commits:
            return 422, {}, {"message": f"No commit found for SHA: {sha}"}
        if len(body.get("description", "")) > 140:
            problem = {"resource": "Status", "code": "custom", "field": "description"}
            said = problem | {"message": "description is too long (maximum is 140 characters)"}
            return 422, {}, {"message": "Validation Failed", "errors": [said]}
        assert body["state"] in ("error", "failure", "pending", "success")
        self.statuses.append({"sha": sha, **body})
        return 201, {}, {"id": next(self._ids), **body}

    def _pull(self, number, **_):
        if number not in self.heads:
            return 404, {}, {"message": self.not_found}
        return 200, {}, {"number": int(number), "head": {"sha": self.heads[number], "ref": "work"}}

    def _shown(self, comment):
        url = f"https://github.example/acme/digits/pull/{comment['request']}#issuecomment-{comment['id']}"
        user = None if comment["author"] is None else {"id": comment["author"]}
        return {"id": comment["id"], "body": comment["body"], "user": user, "html_url": url}

    def _list(self, number, *, query, **_):
        shown = [self._shown(comment) for comment in self.comments if comment["request"] == number]
        return self.page(f"/repos/{self.repository}/issues/{number}/comments", query, shown)

    def _create(self, number, *, user, body, **_):
        if len(body["body"]) > 65_536:
            said = {"resource": "IssueComment", "code": "unprocessable", "field": "data"}
            said |= {"message": "Body is too long (maximum is 65536 characters)"}
            return 422, {}, {"message": "Validation Failed", "errors": [said]}
        self.say(body["body"], user, number)
        return 201, {}, self._shown(self.comments[-1])

    def _update(self, number, *, body, **_):
        for comment in self.comments:  # whoever may push may change every comment
            if comment["id"] == int(number):
                comment["body"] = body["body"]
                return 200, {}, self._shown(comment)
        return 404, {}, {"message": self.not_found}


class FakeGitLab(FakeForge):
    kind = "gitlab"
    unauthorized = "401 Unauthorized"
    not_found = "404 Project Not Found"
    forbidding = "403 Forbidden"
    page_size = 20

    def __init__(self, repository: str = "acme/vision/digits", prefix: str = "/api/v4") -> None:
        super().__init__(repository, prefix)
        self.source_project: int | None = 41
        self.projects = {"41", quote(repository, safe="")}  # what statuses may go to

    def routes(self):
        here = f"/projects/{quote(self.repository, safe='')}"
        return [
            ("POST", "/projects/([^/]+)/statuses/([^/]+)", self._status),
            ("GET", f"{here}/merge_requests/([0-9]+)", self._merge_request),
            ("GET", f"{here}/merge_requests/([0-9]+)/notes", self._list),
            ("POST", f"{here}/merge_requests/([0-9]+)/notes", self._create),
            ("PUT", f"{here}/merge_requests/([0-9]+)/notes/([0-9]+)", self._update),
        ]

    def _status(self, project, sha, *, body, **_):
        if project not in self.projects:
            return 404, {}, {"message": self.not_found}
        if sha not in self.commits:
            return 404, {}, {"message": "404 Commit Not Found"}
        for name in ("description", "target_url", "ref"):
            if len(body.get(name, "")) > 255:
                return 400, {}, {"message": {name: ["is too long (maximum is 255 characters)"]}}
        assert body["state"] in ("pending", "running", "success", "failed", "canceled", "skipped")
        ours = [each for each in self.statuses if (each["sha"], each["context"]) == (sha, body["context"])]
        if body["state"] == "pending" and ours and ours[-1]["state"] == "pending":
            said = 'Cannot transition status via :enqueue from :pending (Reason(s): Status cannot transition via "enqueue")'
            return 400, {}, {"message": said}
        self.statuses.append({"sha": sha, "project": project, **body})
        return 201, {}, {"id": next(self._ids), "status": body["state"]}

    def _merge_request(self, number, **_):
        if number not in self.heads:
            return 404, {}, {"message": "404 Not found"}
        return (
            200,
            {},
            {
                "iid": int(number),
                "sha": self.heads[number],
                "source_branch": "work",
                "source_project_id": self.source_project,
                "target_project_id": 41,
                "web_url": f"https://gitlab.example/{self.repository}/-/merge_requests/{number}",
            },
        )

    def _shown(self, comment):
        system = comment.get("system", False)
        author = None if comment["author"] is None else {"id": comment["author"]}
        return {"id": comment["id"], "body": comment["body"], "author": author, "system": system}

    def _list(self, number, *, query, **_):
        assert query["sort"] == ["asc"]
        shown = [self._shown(comment) for comment in self.comments if comment["request"] == number]
        return self.page(f"/projects/{quote(self.repository, safe='')}/merge_requests/{number}/notes", query, shown)

    def _create(self, number, *, user, body, **_):
        if len(body["body"]) > 1_000_000:
            return 400, {}, {"message": {"note": ["is too long (maximum is 1000000 characters)"]}}
        self.say(body["body"], user, number)
        return 201, {}, self._shown(self.comments[-1])

    def _update(self, number, note, *, body, **_):
        for comment in self.comments:
            if (comment["request"], comment["id"]) == (number, int(note)):
                comment["body"] = body["body"]
                return 200, {}, self._shown(comment)
        return 404, {}, {"message": "404 Not found"}


def _handler(forge: FakeForge) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            headers = {name.lower(): text for name, text in self.headers.items()}
            seen = Seen(self.command, self.path, headers, body)
            forge.seen.append(seen)
            forge.released.wait(30)
            first = forge.canned[0] if forge.canned else None
            if first is None or first.on not in (None, self.command):
                status, more, value = forge.answer(seen)
            else:
                forge.canned.popleft()
                if first.after:
                    forge.answer(seen)
                if not first.status:
                    self.close_connection = True
                    return
                status, more, value = first.status, first.headers, first.body
            data = value if isinstance(value, bytes) else b"" if value is None else json.dumps(value).encode()
            self.send_response(status)
            for name, text in more.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = _serve  # noqa: N815

        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):  # who asked has stopped waiting
                super().handle()

        def log_message(self, *_: object) -> None:
            pass

    return Handler
