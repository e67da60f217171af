"""What Alertmanager's web hook says, and what of it calls for an action. Pure.

The format is version 4 of the web hook's body. Labels and texts come from outside: nothing here trusts them, and whoever shows
them has to make them printable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from jenkins_ml.core.history import after
from jenkins_ml.errors import UsageError
from jenkins_ml.records import JournalEntry

Action = Literal["rollback", "retrain"]
Outcome = Literal[
    "done",
    "ignored",  # there is nothing to do
    "lacking",  # it does not say what it would have to
    "unknown",  # nobody knows whether it was done, and it must not be tried again
    "failed",  # and a retry would fail too
    "unavailable",  # worth a retry
]
STATUSES: Final[Mapping[Outcome, int]] = {
    "unavailable": 503,  # Alertmanager tries again on 5xx only
    "failed": 422,
    "lacking": 400,
    "unknown": 200,
    "ignored": 200,
    "done": 200,
}
MOST: Final = 100  # things that a body asks for: Alertmanager, as we configure it, puts one into each
_ACTIONS: Final[Mapping[str, Action]] = {"rollback": "rollback", "retrain": "retrain"}
_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One firing alert that is about our model and asks for something that we can do.

    Args:
        name: of its rule.
        action: what it asks for.
        environment: where.
        version: which one fails; None where the action needs none.
        text: what it says for people; may be empty.
        fingerprint: of its labels, as Alertmanager has it.
        starts: since when it fires, as Alertmanager has it.
    """

    name: str
    action: Action
    environment: str
    version: int | None
    text: str
    fingerprint: str
    starts: str


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one alert.

    Args:
        alert: the name of its rule.
        outcome: in one word.
        what: in one sentence.
    """

    alert: str
    outcome: Outcome
    what: str


def read(body: bytes, model: str) -> tuple[Alert | Result, ...]:
    """The alerts of a web hook's body, each as what it asks for, or as why nothing is done about it.

    The same request twice in a body is there once.

    Args:
        body: JSON.
        model: whose alerts are ours.

    Raises:
        UsageError: it is no such body.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _not_ours(f"it is not JSON: {error}") from error
    if not isinstance(value, dict) or value.get("version") != "4":
        raise _not_ours('it is no object with "version": "4"')
    listed = value.get("alerts")
    if not isinstance(listed, list):
        raise _not_ours("it has no list of alerts")
    found: dict[object, Alert | Result] = {}
    for index, each in enumerate(listed):
        alert = _read(each, index, model)
        same = (alert.action, alert.environment, alert.version) if isinstance(alert, Alert) else index
        found.setdefault(same, alert)
    if sum(isinstance(alert, Alert) for alert in found.values()) > MOST:
        raise _not_ours(f"it asks for more than {MOST} things")
    return tuple(found.values())


def status(results: Iterable[Result]) -> int:
    """The HTTP status of the answer: of the worst result, where one that a retry may help comes first."""
    outcomes = {result.outcome for result in results}
    return next((code for outcome, code in STATUSES.items() if outcome in outcomes), 200)


def why_not(
    entries: Sequence[JournalEntry], environment: str, version: int, age: Callable[[str], float], quiet: float
) -> str | None:
    """Why a version is not rolled back because of an alert; None when it is.

    What came into production by a rollback is not taken out by an alert for a while: where the version before fails as
    well, the model is hardly the reason, and older ones are no help. Nor is one that was rolled back a moment ago and that
    somebody has released again since.

    Args:
        entries: the journal.
        environment: which.
        version: that the alert names.
        age: how many seconds ago a time of the journal was.
        quiet: seconds for which a rollback is left to work.
    """
    history = after(entries, environment)
    if history.open is not None and (history.open.kind, history.open.previous) == ("rollback_started", version):
        return None  # it has begun, and has to be finished
    production = history.production
    if production is None:
        return f"nothing is in production in {environment}"
    if production.version != version:
        return f"version {version} is not in production in {environment}: version {production.version} is"
    for entry in reversed(entries):
        if (entry.environment, entry.kind) != (environment, "rollback_started") or age(entry.time) >= quiet:
            continue
        ago = f"{max(age(entry.time), 0):.0f} s ago"
        if entry.version == version:
            return f"version {version} came into production by a rollback {ago}: somebody has to look why it fails too"
        if entry.previous == version:
            return f"version {version} was rolled back {ago}, and was released again since"
    return None


def _read(value: Any, index: int, model: str) -> Alert | Result:
    if not isinstance(value, dict):
        raise _not_ours(f"alert {index + 1} is no object")
    labels, texts = _texts(value, "labels", index), _texts(value, "annotations", index)
    name = labels.get("alertname", "")

    def result(outcome: Outcome, what: str) -> Result:
        return Result(alert=name, outcome=outcome, what=what)

    if value.get("status") not in ("firing", "resolved"):
        raise _not_ours(f"alert {index + 1} is neither firing nor resolved")
    if value["status"] == "resolved":
        return result("ignored", "it is resolved")
    if (labels.get("model") or model) != model:
        return result("ignored", f"it is about the model {labels['model']}, this is {model}")
    lacking = [label for label in ("alertname", "model", "environment", "action") if not labels.get(label)]
    action = labels.get("action", "")
    version = labels.get("version", "")
    if action == "rollback" and not _VERSION.fullmatch(version):
        lacking.append("version")
    if lacking:
        return result("lacking", f"it lacks the label {', '.join(lacking)}")
    if action not in _ACTIONS:
        return result("ignored", f"its action is {action}: nothing is done about that by itself")
    return Alert(
        name=name,
        action=_ACTIONS[action],
        environment=labels["environment"],
        version=int(version) if action == "rollback" else None,
        text=texts.get("summary") or texts.get("description") or "",
        fingerprint=_text(value, "fingerprint"),
        starts=_text(value, "startsAt"),
    )


def _texts(alert: Mapping[str, Any], key: str, index: int) -> dict[str, str]:
    found = alert.get(key, {})
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise _not_ours(f"the {key} of alert {index + 1} are no texts")
    return found


def _text(alert: Mapping[str, Any], key: str) -> str:
    found = alert.get(key)
    return found if isinstance(found, str) else ""


def _not_ours(why: str) -> UsageError:
    return UsageError(f"this is no body of Alertmanager's web hook, version 4: {why}", "see docs/alerts.md")
