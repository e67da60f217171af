"""Whether a cron spec of Jenkins is one."""

import re

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_ALIASES = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_TERM = re.compile(r"(?:\*|H(?:\((\d+)-(\d+)\))?|(\d+)(?:-(\d+))?)(?:/(\d+))?")


def good(spec: str) -> bool:
    """Whether every line of a spec is understood."""
    lines = [line.strip() for line in spec.splitlines()]
    return all(_line(line) for line in lines if line and not line.startswith(("#", "TZ=")))


def problem(spec: str) -> str | None:
    """What is wrong with a spec, in the words of the real parser where they are known."""
    if good(spec):
        return None
    low, high = _RANGES[0]
    first = spec.split()[0]
    if first.isdigit() and not low <= int(first) <= high:
        return f"line 1:{len(first)}: {first} is an invalid value. Must be within {low} and {high}"
    return "line 1:1: unexpected input"


def _line(line: str) -> bool:
    if line in _ALIASES:
        return True
    fields = line.split()
    return len(fields) == 5 and all(_field(text, *_RANGES[place]) for place, text in enumerate(fields))


def _field(text: str, low: int, high: int) -> bool:
    for term in text.split(","):
        match = _TERM.fullmatch(term)
        if not match:
            return False
        numbers = [int(each) for each in match.groups()[:4] if each is not None]
        if any(not low <= number <= high for number in numbers):
            return False
    return True
