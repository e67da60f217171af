"""Jenkins' cron syntax, checked before it meets a server: a build with a bad one fails, and a job loses its trigger.

The syntax is that of Jenkins' own grammar: lines of minute, hour, day of the month, month and day of the week; a field is
a list of `*`, numbers, ranges, and `H`, which is a number that Jenkins makes from the job's name so that not all jobs
start at once. It knows no names of months or days. Empty lines and lines with # are left out; a first line TZ=... sets
the time zone. Several lines are joined by "or".
"""

from __future__ import annotations

import difflib
import functools
import re
from typing import Final, NamedTuple

_ALIASES: Final = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_TERM: Final = (
    r"((?P<hash>H)(\((?P<from>\d+)-(?P<to>\d+)\))?|\*|(?P<first>\d+)-(?P<last>\d+)|(?P<single>\d+))(/(?P<step>\d+))?"
)
# Where Java's names of time zones differ from those of the time zone database; GMT+1 and the like it does not take here.
_JAVA_ZONES: Final = (
    "ACT AET AGT ART AST BET BST CAT CNT CST CTT EAT ECT IET IST JST MIT NET NST PLT PNT PRT PST SST VST"
)
_NOT_IN_JAVA: Final = "Factory GMT+0 GMT-0 ROC localtime"
_MOST: Final = 2**31 - 1  # Jenkins reads numbers as int
_MONTH_DAYS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_BLANK: Final = "".join(map(chr, range(33)))  # what Java trims


class _Field(NamedTuple):
    name: str
    least: int
    most: int
    most_hashed: int  # the largest that a plain H becomes


_FIELDS: Final = (
    _Field("minute", 0, 59, 59),
    _Field("hour", 0, 23, 23),
    _Field("day of the month", 1, 31, 28),
    _Field("month", 1, 12, 12),
    _Field("day of the week", 0, 7, 6),
)
_DAY, _MONTH = 2, 3


@functools.lru_cache(maxsize=1024)  # thousands of jobs have the same few
def checked(text: str) -> str:
    """The same text, when Jenkins would read it as a schedule that ever starts something.

    Raises:
        ValueError: it says which line and which field are wrong, and why.
    """
    lines = [line.strip(_BLANK) for line in re.split(r"\r?\n", text)]
    if lines[0].startswith("TZ="):
        _check_zone(lines[0].removeprefix("TZ="))
        lines[0] = ""
    schedules = [(number, line) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]
    if not schedules:
        raise ValueError("a schedule is needed, such as `H 3 * * *`")
    for number, line in schedules:
        try:
            _check_line(line)
        except ValueError as error:
            where = f"line {number}, " if len(lines) > 1 else ""
            raise ValueError(f"{where}`{_short(line)}`: {error}") from error
    return text


def _check_line(line: str) -> None:
    if line.startswith("@"):
        if line not in _ALIASES:
            raise ValueError(f"Jenkins knows {', '.join(_ALIASES)}")
        return
    if line.startswith("TZ="):
        raise ValueError("the time zone stands in the first line")
    fields = re.split(r"[ \t]+", line)
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"{len(fields)} field{'s' * (len(fields) != 1)} instead of five: minute, hour, day of the month, month, day of the week"
        )
    chosen = [
        frozenset().union(*(_values(term, field) for term in text.split(",")))
        for text, field in zip(fields, _FIELDS, strict=True)
    ]
    if min(chosen[_DAY]) > max(_MONTH_DAYS[month - 1] for month in chosen[_MONTH]):
        raise ValueError(f"no such month has a day {min(chosen[_DAY])}: it never starts")


def _values(term: str, field: _Field) -> frozenset[int]:
    """What one term of a field may choose."""
    match = re.fullmatch(_TERM, term, re.ASCII)
    if match is None:
        raise ValueError(f"{field.name} {_short(term)!r} is no number, range, `*` or `H`{_hint(term)}")
    given = {name: _number(value) for name, value in match.groupdict().items() if value and name != "hash"}
    step = given.get("step", 1)
    if step < 1:
        raise ValueError(f"{field.name} {term!r}: a step is at least 1")
    if "single" in given:
        if "step" in given:
            raise ValueError(f"{field.name} {term!r}: a step needs a range, `*` or `H` before it")
        bounds = (given["single"], given["single"])
    else:
        most = field.most_hashed if match["hash"] else field.most
        bounds = (given.get("from", given.get("first", field.least)), given.get("to", given.get("last", most)))
    for value in bounds:
        if not field.least <= value <= field.most:
            raise ValueError(f"{field.name} {_short(term)!r}: {value} is not from {field.least} to {field.most}")
    low, high = bounds
    if low > high:
        raise ValueError(f"{field.name} {term!r}: {low} is more than {high}")
    if match["hash"]:
        if step > high - low + 1:
            raise ValueError(f"{field.name} {term!r}: a step of H is at most {high - low + 1} here")
        return frozenset(range(low, high + 1))
    return frozenset(range(low, high + 1, step))


def _number(digits: str) -> int:
    significant = digits.lstrip("0") or "0"
    if len(significant) > len(str(_MOST)) or int(significant) > _MOST:
        raise ValueError(f"{_short(digits)} is too large a number")
    return int(significant)


def _hint(term: str) -> str:
    if term == "?":
        return ": write `*`"
    if re.search(r"[A-Za-gi-z]{3}", term):
        return ": names of months and days are not known, write numbers"
    return ": write a capital H" if term.startswith("h") else ""


def _check_zone(zone: str) -> None:
    from zoneinfo import available_timezones  # reads many files, and few schedules name a time zone

    known = available_timezones() - set(_NOT_IN_JAVA.split())
    if not zone or (known and zone not in known and zone not in _JAVA_ZONES.split()):
        near = difflib.get_close_matches(zone, sorted(known), n=1)
        hint = f"did you mean {near[0]}?" if near else "write one such as TZ=Europe/Berlin"
        raise ValueError(f"time zone {_short(zone)!r} is not known: {hint}")


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
