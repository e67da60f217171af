"""What a plan for jobs would do, and what became of it, for people."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from typing import Final

from jenkins_ml.records import JobAction, JobChange, JobsPlan
from jenkins_ml.reporting.text import one_line, printable

_SIGNS: Final = {
    "create": "+",
    "update": "~",
    "adopt": "~",
    "replace": "!",
    "delete": "-",
    "refuse": "x",
    "nothing": "=",
}
_SUMMARY: Final = {
    "create": "to create",
    "update": "to change",
    "adopt": "to take over",
    "replace": "to delete and make anew",
    "delete": "to remove",
    "refuse": "refused",
    "nothing": "untouched",
}
_WIDEST: Final = 70  # characters of a value
_MOST_LINES: Final = 20  # of a text that changed
_LONGEST_LINE: Final = 200


def plan_lines(plan: JobsPlan, everything: bool = False) -> Iterator[str]:
    """A plan, a line at a time.

    Args:
        plan: the plan.
        everything: also what stays as it is.
    """
    for action in plan.actions:
        if action.deed != "nothing" or everything or (action.note and action.note.startswith("stays")):
            yield from _action_lines(action)
    for text in plan.missing:
        yield f"missing: {one_line(text)}"
    for text in plan.unchecked:
        yield f"not checked: {one_line(text)}"
    yield summary(plan)


def summary(plan: JobsPlan) -> str:
    """How many of what."""
    counts: dict[str, int] = {}
    for action in plan.actions:
        counts[action.deed] = counts.get(action.deed, 0) + 1
    parts = [f"{counts[deed]} {words}" for deed, words in _SUMMARY.items() if counts.get(deed)]
    return f"{one_line(plan.owner)} at {one_line(plan.server)}: {', '.join(parts) or 'nothing'}"


def _action_lines(action: JobAction) -> Iterator[str]:
    note = f": {one_line(action.note)}" if action.note else ""
    kind = f" ({one_line(action.kind)})" if action.kind else ""
    yield f"{_SIGNS[action.deed]} {action.deed} {one_line(action.name)}{kind}{note}"
    for change in action.changes:
        yield from _change_lines(change)


def _change_lines(change: JobChange) -> Iterator[str]:
    before, after = change.before, change.after
    setting = one_line(change.setting)  # may hold the name of a parameter, which anybody has written
    if before is not None and after is not None and ("\n" in before or "\n" in after):
        yield f"    {setting}:"
        lines = list(difflib.unified_diff(before.split("\n"), after.split("\n"), n=1, lineterm=""))[2:]
        for line in lines[:_MOST_LINES]:
            yield f"      {_cut(printable(line))}"
        if len(lines) > _MOST_LINES:
            yield f"      ... {len(lines) - _MOST_LINES} more lines"
    else:
        shown = [_value(before), _value(after)]
        if before is not None and after is not None and shown[0] == shown[1]:
            shown = _apart(before, after)
        yield f"    {setting}: {' -> '.join(shown)}"


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "\u2026"


def _apart(*texts: str) -> list[str]:
    """Texts that look alike where they begin, from a little before they differ; white space is told apart."""
    same = next(
        (place for place, each in enumerate(zip(*texts, strict=False)) if len(set(each)) > 1), min(map(len, texts))
    )
    start = max(same - 10, 0)
    cut = (printable(json.dumps(text[start : start + _WIDEST], ensure_ascii=False)) for text in texts)
    return [("\u2026" if start else "") + text for text in cut]


def _value(text: str | None) -> str:
    if text is None:
        return "(none)"
    first, _, rest = text.partition("\n")
    more = f" ... {rest.count(chr(10)) + 1} more lines" if rest else ""
    return one_line(first, _WIDEST) + more
