"""What every chart gives: a picture, and in numbers what it shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A plot: its title, what it shows in numbers, its size in pixels, the SVG document (None: too large to draw)."""

    title: str
    description: str
    width: int
    height: int
    svg: str | None
