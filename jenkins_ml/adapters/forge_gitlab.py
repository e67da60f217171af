"""GitLab's REST API (v4), at gitlab.com or an instance of one's own.

Facts and where they stand (docs.gitlab.com):
- api/commits, "Set the pipeline status of a commit": `POST /projects/:id/statuses/:sha` with `state` (pending, running,
  success, failed, canceled, skipped), `context`, `description`, `target_url` and `ref`, each text of 255 characters at
  most. "If the commit is associated with a merge request, the API call must target the commit in the merge request's
  source branch": for a fork, that is the fork's project. Without `ref` it takes any branch that has the commit.
- The same state twice is refused where it is not an end: 400 "Cannot transition status via :enqueue from :pending"
  (gitlab.com/gitlab-org/gitlab-foss/-/issues/25807). After success or failed a new status is begun
  (app/services/ci/create_commit_status_service.rb: only running and pending ones are taken up again).
- api/merge_requests: `GET /projects/:id/merge_requests/:iid`; `sha` is the head of the source branch,
  `source_project_id` its project (taken for ours where it is missing), `target_project_id`, `source_branch`,
  `web_url`.
- api/notes: `GET` (sort=asc, order_by=created_at) and `POST /projects/:id/merge_requests/:iid/notes`,
  `PUT /projects/:id/merge_requests/:iid/notes/:note_id`; a note has `id`, `body`, `author.id`, `system`. At most
  1,000,000 characters. A line that begins with "/" is a quick action and would be carried out.
- api/rest, "Pagination": 20 on a page unless `per_page` says more (at most 100); the header Link is to be used.
- api/rest, "Namespaced paths": `:id` is the number or the path of the project, quoted: `acme%2Fdigits`.
- api/rest/authentication: `Authorization: Bearer` takes personal, project and group access tokens and OAuth tokens;
  deploy tokens are not for the API. 401 `{"message": "401 Unauthorized"}`.
- api/users: `GET /user` says whose the token is; a project's or group's token has a user of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from jenkins_ml.adapters.forge import State, Status, Target, commit_field, field, first_own
from jenkins_ml.adapters.forge_http import Client, Clock, Refused
from jenkins_ml.reporting.text import one_line

DEFAULT_API: Final = "https://gitlab.com/api/v4"
HOSTS: Final = ("gitlab.com", "www.gitlab.com", "altssh.gitlab.com")
TEXT_CHARACTERS: Final = 255

_NEEDS: Final = "the scope `api` and the role Developer (or higher) in this project"
# GitLab has no state for "could not decide"; failed is what keeps a merge request from being merged.
_STATES: Final[Mapping[State, str]] = {
    "success": "success",
    "failure": "failed",
    "error": "failed",
    "pending": "pending",
}


class GitLab:
    """One project at GitLab.

    Args:
        repository: the project's path, such as "acme/vision/digits".
        token: an access token of a user, a project or a group.
        api: the API's address.
        clock: for tests.
    """

    name = "GitLab"
    comment_limit = 1_000_000

    def __init__(self, repository: str, token: str, api: str = DEFAULT_API, clock: Clock | None = None) -> None:
        self.repository = repository
        self._client = Client(self.name, api, token, needs=_NEEDS, headers={}, clock=clock)
        self._path = f"/projects/{quote(repository, safe='')}"
        self._merge_requests: dict[str, Any] = {}

    def head(self, request: str) -> Target:
        """See Forge."""
        doing = _reading(request, self.repository)
        found = self._merge_request(request)
        commit = commit_field(self._client, doing, found, "sha")
        source = found.get("source_project_id")
        fork = type(source) is int and source != found.get("target_project_id")
        return Target(
            commit=commit,
            repository=str(source) if fork else self.repository,
            branch=field(self._client, doing, found, "source_branch", str),
        )

    def set_status(self, target: Target, status: Status) -> None:
        """See Forge."""
        state = _STATES[status.state]
        body = {
            "state": state,
            "context": one_line(status.context, TEXT_CHARACTERS),
            "description": one_line(status.description, TEXT_CHARACTERS),
        }
        # What is too long is left out: a shortened name or address would be another one.
        body |= {
            name: text
            for name, text in (("target_url", status.url), ("ref", target.branch))
            if text is not None and len(text) <= TEXT_CHARACTERS
        }
        place = target.repository if "/" in target.repository else f"project {target.repository}"
        doing = f"set the status of commit {target.commit} in {place}"
        path = f"/projects/{quote(target.repository, safe='')}/statuses/{target.commit}"
        try:
            self._client.call("POST", path, body, doing=doing)
        except Refused as error:
            already = (
                error.answer.message.startswith("Cannot transition status") and f"from :{state}" in error.answer.message
            )
            if not already:
                raise

    def own_comment(self, request: str, marker: str) -> int | None:
        """See Forge."""
        doing = f"read the comments on merge request {request} of {self.repository}"
        query = "sort=asc&order_by=created_at&per_page=100"
        notes = self._client.pages(f"{self._notes(request)}?{query}", doing=doing)
        return first_own(self._client, notes, "author", marker, doing=doing)

    def create_comment(self, request: str, body: str) -> str:
        """See Forge."""
        doing = f"comment on merge request {request} of {self.repository}"
        answer = self._client.call("POST", self._notes(request), {"body": body}, doing=doing, repeat=False)
        return self._address(request, field(self._client, doing, answer.value, "id", int))

    def update_comment(self, request: str, comment: int, body: str) -> str:
        """See Forge."""
        doing = f"update the comment on merge request {request} of {self.repository}"
        self._client.call("PUT", f"{self._notes(request)}/{comment}", {"body": body}, doing=doing)
        return self._address(request, comment)

    def _notes(self, request: str) -> str:
        return f"{self._path}/merge_requests/{request}/notes"

    def _address(self, request: str, note: int) -> str:
        """Notes do not say their own address; it is the merge request's with the note's number."""
        doing = _reading(request, self.repository)
        return f"{field(self._client, doing, self._merge_request(request), 'web_url', str)}#note_{note}"

    def _merge_request(self, request: str) -> Any:
        if request not in self._merge_requests:
            doing = _reading(request, self.repository)
            path = f"{self._path}/merge_requests/{request}"
            self._merge_requests[request] = self._client.call("GET", path, doing=doing).value
        return self._merge_requests[request]


def _reading(request: str, repository: str) -> str:
    return f"read merge request {request} of {repository}"
