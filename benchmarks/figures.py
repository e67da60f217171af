"""What a benchmark answers, and its form in docs/benchmarks.md. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Result:
    """One figure; smaller is better wherever there is a target.

    Args:
        name: what was measured.
        unit: of `ours` and `peer`.
        ours: with jenkins-ml.
        peer: the same without it, from the same run.
        most: the target for `ours`: at most this.
        most_ratio: the target for `ours / peer`: at most this.
        note: what else should be known.
    """

    name: str
    unit: str
    ours: float
    peer: float | None = None
    most: float | None = None
    most_ratio: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times the peer; None without one."""
        return self.ours / self.peer if self.peer else None

    @property
    def verdict(self) -> str:
        """ "met" or what was missed, in words; nothing where there is no target."""
        if self.most is None and self.most_ratio is None:
            return ""
        over = self.most is not None and self.ours > self.most
        over_ratio = self.most_ratio is not None and (self.ratio is None or self.ratio > self.most_ratio)
        missed = ["the figure"] * over + ["the ratio"] * over_ratio
        return f"missed: {' and '.join(missed)}" if missed else "met"

    @property
    def target(self) -> str:
        """The targets, in words."""
        limits = [f"at most {number(self.most)} {self.unit}"] if self.most is not None else []
        limits += [f"ratio at most {number(self.most_ratio)}"] if self.most_ratio is not None else []
        return ", ".join(limits)


@dataclass(frozen=True, kw_only=True)
class Table:
    """Further detail: where the time goes."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Section:
    """What one benchmark found.

    Args:
        results: the figures.
        peer: what stands beside them, as a column heading.
        tables: further detail.
    """

    results: tuple[Result, ...]
    peer: str = ""
    tables: tuple[Table, ...] = ()


def number(value: float) -> str:
    """Three digits, or whole numbers where there are more."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def markdown(section: Section) -> str:
    """The tables of a section."""
    columns = ("figure", "jenkins-ml", section.peer, "ratio", "target", "verdict", "note")
    parts = [_table(columns, [_row(result) for result in section.results])]
    parts += [f"{table.title}:\n\n{_table(table.columns, table.rows)}" for table in section.tables]
    return "\n\n".join(parts)


def replaced(page: str, name: str, body: str) -> str:
    """A page with the part between the markers of a benchmark replaced.

    Raises:
        ValueError: the page has no such markers.
    """
    begin, end = f"<!-- {name}: results -->\n", f"<!-- {name}: end -->\n"
    before, found, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found and found_end):
        raise ValueError(f"the page has no lines {begin.strip()!r} and {end.strip()!r}")
    return f"{before}{begin}\n{body}\n\n{end}{after}"


def _row(result: Result) -> tuple[str, ...]:
    return (
        result.name,
        f"{number(result.ours)} {result.unit}",
        "" if result.peer is None else f"{number(result.peer)} {result.unit}",
        "" if result.ratio is None else f"{result.ratio:{'.2f' if result.ratio >= 0.1 else '.2g'}}",
        result.target,
        result.verdict,
        result.note,
    )


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; columns that no row fills are left out."""
    filled = [index for index in range(len(columns)) if any(row[index] for row in rows)]
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(_cell(line[index]) for index in filled)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
