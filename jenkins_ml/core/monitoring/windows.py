"""The windows that alerts look at: fractions of the promise's period, in durations that Prometheus takes.

The fractions and the factors of burn rates are those of chapter 5 of Google's "The Site Reliability Workbook", table 5-8,
which are for 30 days: a page when 2 % of the budget is gone within an hour or 5 % within 6 hours, a ticket when 10 % is
gone within a day or within 3 days; each with a short window, so that an alert ends when its cause does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# By the name that it has for 30 days: how many of it the period has.
PER_PERIOD: Final = {
    "2m": 21600,
    "5m": 8640,
    "30m": 1440,
    "1h": 720,
    "2h": 360,
    "6h": 120,
    "1d": 30,
    "3d": 10,
    "30d": 1,
}
SHORT: Final = "5m"
LONG: Final = "1h"
# Where half of what was promised is lost, a page does not wait for the budget: the more requests, the sooner.
OUTAGES: Final = ("2m", SHORT, "30m")
PERIOD: Final = "30d"
# A rate needs two scrapes, and one in a while is late or fails: fewer than four make windows that are empty at times.
LEAST_SCRAPES: Final = 4
# A hundred years: Prometheus refuses durations of more than 292, as nanoseconds have no more room.
LONGEST: Final = 36_500 * 86_400_000


@dataclass(frozen=True)
class Burn:
    """An alert's two windows, and how many times as fast as it may the budget is used up in both.

    Args:
        factor: 1 uses up the whole budget in the whole period.
        long: name of the window that says that it matters.
        short: name of the window that says that it goes on.
    """

    factor: float
    long: str
    short: str


PAGES: Final = (Burn(14.4, "1h", "5m"), Burn(6, "6h", "30m"))
TICKETS: Final = (Burn(3, "1d", "2h"), Burn(1, "3d", "6h"))


@dataclass(frozen=True)
class Windows:
    """How long the windows are.

    Args:
        period: what the promise is about, in seconds.
        scrape: how often servers are scraped, in seconds.
    """

    period: float
    scrape: float

    def milliseconds(self, name: str) -> int:
        """The length of a window: its share of the period, and never less than four scrapes."""
        return max(self._share(name), round(self.scrape * 1000) * LEAST_SCRAPES, 1)

    def length(self, name: str) -> str:
        """The same as Prometheus writes durations, such as 5m or 1h30m."""
        return duration(self.milliseconds(name))

    def seconds(self, name: str) -> float:
        """The same in seconds."""
        return self.milliseconds(name) / 1000

    @property
    def widened(self) -> tuple[str, ...]:
        """The windows that are longer than their share, because of how rarely servers are scraped."""
        return tuple(name for name in PER_PERIOD if self.milliseconds(name) > self._share(name))

    def _share(self, name: str) -> int:
        return round(self.period * 1000 / PER_PERIOD[name])


def duration(milliseconds: int) -> str:
    """A duration as Prometheus takes it: whole numbers, from days to milliseconds; from one millisecond to a hundred years.

    Args:
        milliseconds: how long.
    """
    left, parts = min(max(milliseconds, 1), LONGEST), []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
