"""The time of day, as records write it."""

from __future__ import annotations

from datetime import UTC, datetime

from jenkins_ml.errors import IntegrityError


def now() -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return _text(datetime.now(UTC))


def rfc3339(seconds: float) -> str:
    """Seconds since 1970 as RFC 3339 in UTC, to the millisecond."""
    return _text(datetime.fromtimestamp(seconds, UTC))


def age_seconds(time: str) -> float:
    """How many seconds ago a time was that a record has; negative for one to come.

    Raises:
        IntegrityError: it is no time.
    """
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds()
    except (ValueError, TypeError) as error:
        raise IntegrityError(f"a record has {time!r}, which is no time", "restore it from a backup") from error


def _text(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
