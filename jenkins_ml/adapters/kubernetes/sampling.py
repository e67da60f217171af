"""The sample of users' requests that pods with our server keep for the deployer, and the token that only it has.

The token lies in a Secret, which the pods mount: reading it takes a right that no caller of predictions needs.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from itertools import chain, zip_longest
from typing import Final

from jenkins_ml import names
from jenkins_ml.adapters.kubernetes import pods
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.kinds import POD, SECRET, Object
from jenkins_ml.adapters.kubernetes.refusals import Changed
from jenkins_ml.adapters.kubernetes.shapes import Shapes
from jenkins_ml.adapters.kubernetes.writing import is_ours
from jenkins_ml.adapters.target import Answer
from jenkins_ml.adapters.told_summaries import check_kept, told
from jenkins_ml.errors import StageFailed, UsageError
from jenkins_ml.records import ServerSummary
from jenkins_ml.rendering.kubernetes.naming import sample_secret
from jenkins_ml.rendering.kubernetes.pod import SAMPLE_KEY

_SECONDS: Final = 5.0  # what a pod has kept is a few megabytes at most
_TOKEN_BYTES: Final = 32


class Samples:
    """Takes the sample from all pods of a version.

    Args:
        api: the API server.
        shapes: what the pods are.
        note: takes a line when pods give none.
    """

    def __init__(self, api: Api, shapes: Shapes, note: Callable[[str], None]) -> None:
        self._api, self._shapes, self._note = api, shapes, note
        self._name = sample_secret(shapes.name)
        self._noted = False

    def prepare(self) -> None:
        """Make the Secret where requests shall be sampled and there is none; one that somebody else made will do.

        Raises:
            UsageError: we may not, or what is there has no token.
        """
        if self._shapes.samples:
            _ = self._token

    def take(self, version: int, percent: int) -> tuple[bytes, ...]:
        """What users asked a version since this was called the last time: of each of its pods in turn.

        Args:
            version: that users ask.
            percent: of the requests to come that are kept.
        """
        asked = self._asked(version, f"{names.SAMPLE_PATH}?percent={percent}", b"", self._token)
        answers = [answer for _, answer in asked]
        silent = [answer for answer in answers if answer.status != 200]
        if silent and not self._noted:
            self._noted = True
            self._note(
                f"{len(silent)} of {len(answers)} pods of version {version} give no sample of users' requests "
                f"({_why(silent[0])}); pods that run already get a new token within about a minute"
            )
        return in_turns([_bodies(answer.body) for answer in answers if answer.status == 200])

    def summaries(self, version: int) -> tuple[ServerSummary, ...]:
        """What each pod has summarised of a version's requests; nothing of those that do not answer, or keep no summaries.

        Raises:
            UsageError: they keep none, or say it to nobody: there is no Secret. Whoever only looks makes none.
        """
        check_kept(self._shapes.server)
        found = self._api.get(SECRET, self._shapes.namespace, self._name)
        if found is None:
            raise UsageError(
                f"the pods say what they are asked to nobody: there is no Secret {self._name} with a token",
                "make it (docs/drift.md), or set `serve.canary.shadow`, with which the next release makes it",
            )
        token = self._token_in(found)
        said = (told(*asked) for asked in self._asked(version, names.SUMMARY_PATH, None, token))
        return tuple(each for each in said if each is not None)

    def take_away(self) -> tuple[str, ...]:
        """Delete the Secret that we made; answers its name."""
        try:
            found = self._api.get(SECRET, self._shapes.namespace, self._name)
        except UsageError:
            if self._shapes.samples:
                raise
            return ()  # without sampling nobody gives us this right
        if found is None or not is_ours(found):
            return ()
        self._api.delete(SECRET, self._shapes.namespace, self._name, found["metadata"]["resourceVersion"])
        self.__dict__.pop("_token", None)
        return (f"Secret {self._name}",)

    @cached_property
    def _token(self) -> str:
        return self._token_in(self._api.get(SECRET, self._shapes.namespace, self._name) or self._make())

    def _token_in(self, found: Object) -> str:
        token = _decoded((found.get("data") or {}).get(SAMPLE_KEY, ""))
        if not re.fullmatch(rf"[!-~]{{{names.SHORTEST_TOKEN},}}", token):
            raise UsageError(
                f"Secret {self._name} has no {SAMPLE_KEY!r} of {names.SHORTEST_TOKEN} or more visible characters",
                "delete it: the next release makes it anew",
            )
        return token

    def _make(self) -> Object:
        thing = {
            "apiVersion": SECRET.version,
            "kind": SECRET.name,
            "metadata": {"name": self._name, "namespace": self._shapes.namespace, "labels": dict(self._shapes.labels)},
            "type": "Opaque",
            "data": {SAMPLE_KEY: base64.b64encode(secrets.token_urlsafe(_TOKEN_BYTES).encode()).decode()},
        }
        try:
            return self._api.create(SECRET, self._shapes.namespace, thing)
        except Changed:  # somebody was quicker, or the answer to our own request was lost
            found = self._api.get(SECRET, self._shapes.namespace, self._name)
            if found is None:
                raise StageFailed(f"Secret {self._name} comes and goes", "try again") from None
            return found

    def _asked(self, version: int, path: str, body: bytes | None, token: str) -> list[tuple[str, Answer]]:
        """What each running pod of a version answers, with its name; all at once."""
        selector = self._shapes.selector(version)
        listed = self._api.list(POD, self._shapes.namespace, selector, "status.phase=Running")["items"]
        answers = pods.each(partial(self._send, path, body, token), listed)
        return [(pod["metadata"]["name"], answer) for pod, answer in zip(listed, answers, strict=True)]

    def _send(self, path: str, body: bytes | None, token: str, pod: Object) -> Answer:
        meta, signed = pod["metadata"], {names.TOKEN_HEADER: token}
        return pods.ask(self._api, meta["namespace"], meta["name"], self._shapes.port, path, body, _SECONDS, signed)


def in_turns(samples: Sequence[Sequence[bytes]]) -> tuple[bytes, ...]:
    """The first of each, the second of each, and so on: whoever takes only some has some of every pod."""
    kept: Iterable[bytes | None] = chain.from_iterable(zip_longest(*samples))
    return tuple(body for body in kept if body is not None)


def _bodies(body: bytes) -> list[bytes]:
    try:
        return [base64.b64decode(each, validate=True) for each in json.loads(body)["bodies"]]
    except (ValueError, KeyError, TypeError):
        return []


def _decoded(text: str) -> str:
    """A value of a Secret; empty where it is no text."""
    try:
        return base64.b64decode(text).decode().strip()
    except ValueError:
        return ""


def _why(answer: Answer) -> str:
    said = answer.body[:200].decode(errors="replace")
    return f"answer {answer.status}: {said}" if answer.status is not None else said
