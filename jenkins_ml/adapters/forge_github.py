"""GitHub's REST API, also GitHub Enterprise Server's.

Facts and where they stand (docs.github.com):
- rest/commits/statuses: `POST /repos/{owner}/{repo}/statuses/{sha}` with `state` (error, failure, pending, success),
  `target_url`, `description`, `context` (any case is the same); answers 201. At most 1000 for a commit and context.
  A description of more than 140 characters is refused with 422 ("description is too long (maximum is 140 characters)";
  the page does not say so, many reports do, such as github.com/brigadecore/brigade/issues/38).
- rest/pulls/pulls: `GET /repos/{owner}/{repo}/pulls/{number}`; `head.sha` is the commit that is asked to be merged.
  The base repository knows it also when it comes from a fork.
- rest/issues/comments: `GET` and `POST /repos/{owner}/{repo}/issues/{number}/comments`,
  `PATCH /repos/{owner}/{repo}/issues/comments/{id}`; a pull request is an issue here. Oldest first. "Body is too long
  (maximum is 65536 characters)" is a 422.
- rest/using-the-rest-api/using-pagination-in-the-rest-api: 30 on a page unless `per_page` says more (at most 100); the
  header Link has the address of the next page, which is not to be made by hand.
- rest/using-the-rest-api/rate-limits-for-the-rest-api: 403 or 429; `retry-after` in seconds, or
  `x-ratelimit-remaining: 0` and `x-ratelimit-reset` in seconds since 1970; otherwise wait a minute at least.
- rest/using-the-rest-api/troubleshooting-the-rest-api: 404 instead of 403 for what a token may not see.
- rest/using-the-rest-api/best-practices-for-using-the-rest-api: redirects are to be followed with the same request.
- rest/users/users: `GET /user` says whose the token is. Installation tokens of a GitHub App cannot ask that
  (403 "Resource not accessible by integration", github.com/actions/create-github-app-token/issues/258).
"""

from __future__ import annotations

from typing import Final

from jenkins_ml.adapters.forge import Status, Target, commit_field, field, first_own
from jenkins_ml.adapters.forge_http import Client, Clock
from jenkins_ml.reporting.text import one_line

DEFAULT_API: Final = "https://api.github.com"
HOSTS: Final = ("github.com", "www.github.com", "ssh.github.com")
DESCRIPTION_CHARACTERS: Final = 140

_NEEDS: Final = (
    "the permissions `Commit statuses: write` and `Pull requests: write` for this repository (fine-grained), or the "
    "scope `repo` (classic), of a user who may push to it"
)


class GitHub:
    """One repository at GitHub.

    Args:
        repository: "owner/name".
        token: a personal access token.
        api: the API's address.
        clock: for tests.
    """

    name = "GitHub"
    comment_limit = 65_536

    def __init__(self, repository: str, token: str, api: str = DEFAULT_API, clock: Clock | None = None) -> None:
        self.repository = repository
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        self._client = Client(self.name, api, token, needs=_NEEDS, headers=headers, clock=clock)
        self._path = f"/repos/{repository}"

    def head(self, request: str) -> Target:
        """See Forge."""
        doing = f"read pull request {request} of {self.repository}"
        answer = self._client.call("GET", f"{self._path}/pulls/{request}", doing=doing)
        commit = commit_field(self._client, doing, answer.value, "head.sha")
        return Target(commit=commit, repository=self.repository, branch=None)

    def set_status(self, target: Target, status: Status) -> None:
        """See Forge."""
        body = {
            "state": status.state,
            "context": status.context,
            "description": one_line(status.description, DESCRIPTION_CHARACTERS),
        }
        if status.url is not None:
            body["target_url"] = status.url
        doing = f"set the status of commit {target.commit} in {target.repository}"
        self._client.call("POST", f"/repos/{target.repository}/statuses/{target.commit}", body, doing=doing)

    def own_comment(self, request: str, marker: str) -> int | None:
        """See Forge."""
        doing = f"read the comments on pull request {request} of {self.repository}"
        comments = self._client.pages(f"{self._path}/issues/{request}/comments?per_page=100", doing=doing)
        return first_own(self._client, comments, "user", marker, doing=doing)

    def create_comment(self, request: str, body: str) -> str:
        """See Forge."""
        doing = f"comment on pull request {request} of {self.repository}"
        path = f"{self._path}/issues/{request}/comments"
        answer = self._client.call("POST", path, {"body": body}, doing=doing, repeat=False)
        return field(self._client, doing, answer.value, "html_url", str)

    def update_comment(self, request: str, comment: int, body: str) -> str:
        """See Forge."""
        doing = f"update the comment on pull request {request} of {self.repository}"
        answer = self._client.call("PATCH", f"{self._path}/issues/comments/{comment}", {"body": body}, doing=doing)
        return field(self._client, doing, answer.value, "html_url", str)
