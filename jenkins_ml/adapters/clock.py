"""The time of day, as records write it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return _text(datetime.now(UTC))


def rfc3339(seconds: float) -> str:
    """Seconds since 1970 as RFC 3339 in UTC, to the millisecond."""
    return _text(datetime.fromtimestamp(seconds, UTC))


def age_seconds(time: str) -> float:
    """How many seconds ago a time was that a record has; raises ValueError for what is no time."""
    return (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds()


def _text(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
