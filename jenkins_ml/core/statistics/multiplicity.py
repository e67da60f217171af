"""Many questions at once."""

from __future__ import annotations

from collections.abc import Sequence


def holm(chances: Sequence[float], level: float) -> list[bool]:
    """Which of several findings hold, so that the chance of any false one among them is at most `level`.

    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979.

    Args:
        chances: of each finding, how likely it would be if there were nothing to find (its p-value).
        level: in (0, 1).
    """
    order = sorted(range(len(chances)), key=lambda index: chances[index])
    held = [False] * len(chances)
    for rank, index in enumerate(order):
        if chances[index] > level / (len(chances) - rank):
            break
        held[index] = True
    return held
