"""The pieces of a drawing: round axis ticks, and an SVG document that needs no style sheet.

Jenkins' content security policy blocks styles inside a document, so all looks are presentation attributes.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final
from xml.etree import ElementTree as ET

from jenkins_ml.records import Number
from jenkins_ml.reporting.text import one_line, printable

INK: Final = "#1f2937"
MUTED: Final = "#5b6472"
GRID: Final = "#e3e6eb"
ACCENT: Final = "#1d4ed8"
ALARM: Final = "#b4380a"
GOOD: Final = "#166534"
OPEN: Final = "#8a4b08"

Point = tuple[float, float]

# Beyond these a double can neither span nor divide a range; such a number is not drawn.
_LARGEST: Final = 1e300
_SMALLEST: Final = 1e-100


def mix(colour: str, strength: float) -> str:
    """A colour "#rrggbb" thinned with white; 1 is the colour itself."""
    parts = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - part) * strength):02x}" for part in parts)


def drawable(value: float) -> bool:
    """Whether a number has a place on an axis: finite, and not so large that ranges overflow."""
    return abs(value) <= _LARGEST


def known(values: Iterable[Number]) -> list[float]:
    """Those that are there and drawable."""
    return [value for value in values if value is not None and drawable(value)]


def ticks(low: float, high: float, about: int = 5) -> tuple[float, ...]:
    """Round numbers, rising, evenly spaced, that cover a range: the first is <= low, the last >= high.

    Steps are 1, 2 or 5 times a power of ten, reckoned in decimals so that no label shows binary noise.

    Args:
        low: the lower end; drawable.
        high: the upper end, at least `low`; where they (almost) meet, the range is widened around them.
        about: how many spaces between ticks are wanted; from half as many to two more come.
    """
    magnitude = max(abs(low), abs(high))
    if magnitude < _SMALLEST:
        low, high = low - 1, high + 1
    elif high - low <= 1e-9 * magnitude:
        low, high = low - magnitude / 10, high + magnitude / 10
    raw = Decimal(str(high - low)) / about
    power = Decimal(10) ** raw.adjusted()
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    first = int((Decimal(str(low)) / step).to_integral_value(ROUND_FLOOR))
    last = int((Decimal(str(high)) / step).to_integral_value(ROUND_CEILING))
    return tuple(float(step * index) for index in range(first, last + 1))


def label(tick: float) -> str:
    """A tick as its axis shows it; ten digits tell any two ticks of one axis apart."""
    return f"{tick:.10g}"


def coordinate(value: float) -> str:
    """A length or place in pixels, to the tenth."""
    return f"{round(value, 1) + 0:g}"


class Drawing:
    """An SVG document being drawn on a white card; all lengths in pixels, y downwards."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        size = {"width": coordinate(width), "height": coordinate(height)}
        self._root = ET.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": f"0 0 {size['width']} {size['height']}",
                **size,
                "font-family": "system-ui, -apple-system, 'Segoe UI', sans-serif",
                "font-size": "12",
                "fill": MUTED,
            },
        )
        self.rectangle(0, 0, width, height, "#ffffff")

    def rectangle(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        """A filled rectangle."""
        self._add("rect", x=x, y=y, width=width, height=height, fill=fill)

    def line(self, start: Point, end: Point, colour: str, width: float = 1, dash: str = "") -> None:
        """A straight line."""
        attributes = {"stroke": colour, "stroke-width": coordinate(width)} | _dashes(dash)
        self._add("line", attributes, x1=start[0], y1=start[1], x2=end[0], y2=end[1])

    def polyline(self, points: Iterable[Point], colour: str, dash: str = "") -> None:
        """A line through points."""
        path = " ".join(f"{coordinate(x)},{coordinate(y)}" for x, y in points)
        attributes = {"fill": "none", "stroke": colour, "stroke-width": "2", "stroke-linejoin": "round"}
        self._add("polyline", attributes | _dashes(dash), points=path)

    def dot(self, x: float, y: float, colour: str, radius: float = 4) -> None:
        """A filled dot."""
        self._add("circle", cx=x, cy=y, r=radius, fill=colour)

    def ring(self, x: float, y: float, colour: str) -> None:
        """A dot that is not filled."""
        self._add("circle", {"stroke": colour, "stroke-width": "2"}, cx=x, cy=y, r=3.5, fill="#ffffff")

    def cross(self, x: float, y: float, colour: str) -> None:
        """Two strokes that cross."""
        self.line((x - 4, y - 4), (x + 4, y + 4), colour, 2)
        self.line((x - 4, y + 4), (x + 4, y - 4), colour, 2)

    def cells(self, x: float, y: float, size: float, runs: Iterable[tuple[int, int, int]], colour: str) -> None:
        """Cells of a grid in one colour.

        Args:
            x: left edge of the grid.
            y: top edge of the grid.
            size: side of one cell in pixels.
            runs: (row, first column, number of columns) of neighbouring cells, counted from 0.
            colour: of all of them.
        """
        # One stroke a run, in units of a cell: a hundred classes have ten thousand cells.
        path = "".join(f"M{column} {row}.5h{count}" for row, column, count in runs)
        place = f"translate({coordinate(x)} {coordinate(y)}) scale({size:.6g})"
        self._add("path", {"d": path, "transform": place, "stroke": colour, "shape-rendering": "crispEdges"})

    def text(self, x: float, y: float, text: str, anchor: str = "start", colour: str = MUTED, size: float = 12) -> None:
        """One line of text; `anchor` is start, middle or end, y the base line."""
        attributes = {} if anchor == "start" else {"text-anchor": anchor}
        if colour != MUTED:
            attributes["fill"] = colour
        if size != 12:
            attributes["font-size"] = coordinate(size)
        self._add("text", attributes, x=x, y=y).text = one_line(text)

    def heading(self, x: float, y: float, text: str, size: float = 14) -> None:
        """One line of text that names what follows."""
        attributes = {"fill": INK, "font-weight": "600", "font-size": coordinate(size)}
        self._add("text", attributes, x=x, y=y).text = one_line(text)

    def upright(self, x: float, y: float, text: str) -> None:
        """One line of text that reads upwards, centred on the point."""
        turn = f"rotate(-90 {coordinate(x)} {coordinate(y)})"
        self._add("text", {"text-anchor": "middle", "transform": turn}, x=x, y=y).text = one_line(text)

    def render(self) -> str:
        """The document."""
        ET.indent(self._root, " ")
        return printable(ET.tostring(self._root, encoding="unicode")) + "\n"

    def _add(self, tag: str, attributes: dict[str, str] | None = None, **more: float | str) -> ET.Element:
        places = {name: value if isinstance(value, str) else coordinate(value) for name, value in more.items()}
        return ET.SubElement(self._root, tag, places | (attributes or {}))


def _dashes(dash: str) -> dict[str, str]:
    return {"stroke-dasharray": dash} if dash else {}


def place(value: float, low: float, high: float, start: float, end: float) -> float:
    """Where a value lies between `start` and `end` pixels when `low` lies at the one and `high` at the other."""
    return start + (end - start) * ((value - low) / (high - low))
