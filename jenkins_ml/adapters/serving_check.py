"""Whether a version answers as the model that was trained: by what was recorded, and by the server that would serve it.

What is observed here becomes conditions in core/model_conditions.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from jenkins_ml.adapters import checked_server, recorded
from jenkins_ml.adapters.checked_server import CheckedServer
from jenkins_ml.adapters.recorded import Recorded
from jenkins_ml.adapters.serving_look import Look, Seen, Subject
from jenkins_ml.config.model_checks import Latency, Serving
from jenkins_ml.core.model_conditions import (
    Tolerance,
    about_model,
    answers_condition,
    latency_condition,
    loads_condition,
)
from jenkins_ml.errors import Unavailable, UsageError
from jenkins_ml.records import Condition

TRIES: Final = 5  # as many as TFX's InfraValidator makes

Start = Callable[[str, float], AbstractContextManager[CheckedServer]]


def check(
    serving: Serving,
    latency: Latency | None,
    subject: Subject,
    progress: Callable[[str], None] = lambda _: None,
    start: Start = checked_server.started,
) -> tuple[Condition, ...]:
    """The conditions "exported_answers", "serving_loads", "serving_answers" and "latency_p..", as far as they are asked for.

    The server is only started where it is asked for. It loads the version, so look for unsafe files first.

    Args:
        serving: what is asked about answers.
        latency: what is asked about speed; None for nothing.
        subject: the version.
        progress: takes one line about what is waited for.
        start: starts a server of a name within some seconds, for the time of a block.

    Raises:
        Unavailable: the server does not start, which tells nothing about the version.
        UsageError: `serving.tolerances` names an output that there is not.
        IntegrityError: the recorded examples cannot be read.
    """
    with_server = serving.check == "server" or latency is not None
    if serving.check == "none" and not with_server:
        return ()
    outputs = [spec.name for spec in subject.signature.outputs]
    if unknown := sorted(set(serving.tolerances) - set(outputs)):
        raise UsageError(
            f"gate.serving.tolerances: the model has no output {unknown[0]!r}",
            f"it has {', '.join(map(repr, outputs))}",
        )
    record = recorded.read(subject.predictions, subject.signature)
    tolerance = Tolerance(absolute=serving.tolerance, relative=serving.relative, outputs=serving.tolerances)
    found = [] if serving.check == "none" else [_exported_answers(record, tolerance)]
    if with_server:
        look = Look(
            subject=subject,
            record=record,
            answers=serving.check == "server",
            requests=0 if latency is None else latency.requests,
            deadline=time.monotonic() + serving.timeout.total_seconds(),
        )
        seen, tries = _tried(look, progress, start)
        found.append(loads_condition(tries, TRIES, seen.cannot_load))
        if serving.check == "server" and not seen.cannot_load:
            found.append(_serving_answers(record, seen, tolerance))
        if latency is not None and not seen.cannot_load:
            found += [
                latency_condition(percentile, limit, seen.milliseconds, seen.cannot_time)
                for percentile, limit in latency.asked.items()
            ]
    return tuple(found)


def _exported_answers(record: Recorded, tolerance: Tolerance) -> Condition:
    if record.trained is None:
        return about_model("exported_answers", "skipped", f"nothing to compare with: {record.not_trained}")
    answered = {"": record.exported}
    return answers_condition("exported_answers", "the exported model", record.trained, answered, tolerance)


def _serving_answers(record: Recorded, seen: Seen, tolerance: Tolerance) -> Condition:
    if record.trained is not None:
        return answers_condition("serving_answers", "the server", record.trained, seen.answers, tolerance)
    expected_of = f"the exported model ({record.not_trained})"
    return answers_condition("serving_answers", "the server", record.exported, seen.answers, tolerance, expected_of)


def _tried(look: Look, progress: Callable[[str], None], start: Start) -> tuple[Seen, int]:
    """What a server showed, and how many were started for that: one that dies has not answered, and is tried again."""
    for tries in range(1, TRIES + 1):
        progress(f"looking at version {look.subject.version} in a server" + (f", try {tries}" if tries > 1 else ""))
        try:
            with start(look.subject.model, look.left) as server:
                seen = look.at(server)
        except Unavailable:  # it did not start
            if tries == TRIES or look.over:
                raise
            continue
        if not seen.gone or look.over:
            break
    return seen, tries
