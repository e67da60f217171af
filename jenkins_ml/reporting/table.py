"""Tables: drawn at a terminal, aligned columns elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TextIO

from jenkins_ml.reporting.terminal import fit, is_terminal, write_line

_FOLDED: Final = 16  # characters that a folding column should have
_BETWEEN: Final = 3  # characters between two columns


@dataclass(frozen=True)
class Layout:
    """How a table is drawn at a terminal.

    Args:
        styles: one a row.
        folding: the only column whose cells fold over several lines; None folds all.
        spare: columns that a narrow terminal does without, the first one first.
    """

    styles: Sequence[str] = ()
    folding: int | None = None
    spare: Sequence[int] = ()


PLAIN: Final = Layout()


def draw(
    stream: TextIO | None, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], layout: Layout = PLAIN
) -> None:
    """A table at a terminal, elsewhere aligned columns under their names; as many cells a row as there are columns."""
    cells = [[fit(cell, stream) for cell in row] for row in (columns, *rows)]
    if is_terminal(stream):
        _rich_table(stream, title, cells, layout)
        return
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        write_line(stream, "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _rich_table(stream: TextIO | None, title: str, cells: Sequence[Sequence[str]], layout: Layout) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream)
    shown = _columns_for(console.width, cells, layout)
    drawn = Table(title=fit(title, stream) or None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in shown:
        whole = layout.folding is not None and column != layout.folding
        drawn.add_column(Text(cells[0][column]), overflow="fold", no_wrap=whole)
    for index, row in enumerate(cells[1:]):
        style = layout.styles[index] if layout.styles else None
        drawn.add_row(*(Text(row[column]) for column in shown), style=style)
    with contextlib.suppress(OSError, ValueError):
        console.print(drawn)


def _columns_for(width: int, cells: Sequence[Sequence[str]], layout: Layout) -> list[int]:
    """The columns that leave the folding one its `_FOLDED` characters, as far as that can be had."""
    shown = list(range(len(cells[0])))
    needed = [_FOLDED if column == layout.folding else max(len(row[column]) for row in cells) for column in shown]
    for column in layout.spare:
        if sum(needed[kept] + _BETWEEN for kept in shown) > width:
            shown.remove(column)
    return shown
