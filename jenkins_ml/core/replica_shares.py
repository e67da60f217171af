"""Which shares of the traffic replicas can form behind a plain Service, which splits by connection evenly. Pure.

Production keeps its R replicas, whose capacity is needed should the canary fail; the canary gets c beside them, at most as
many. Its share is then c / (R + c), from 1 / (R + 1) to a half; the last step takes everything, by naming one version.
"""

from __future__ import annotations

from typing import Final

WHOLE: Final = 100
_NEAR: Final = 1.0  # percent points: nobody means more when they write 33 for a third


def formable(replicas: int) -> dict[int, int]:
    """What can be formed: percent, rounded -> replicas of the canary; the first that forms it.

    Args:
        replicas: of production, at least 1.
    """
    shares: dict[int, int] = {}
    for canary in range(1, replicas + 1):
        shares.setdefault(round(WHOLE * canary / (replicas + canary)), canary)
    return {**shares, WHOLE: replicas}


def replicas_for(step: int, replicas: int) -> int | None:
    """How many replicas of the canary form a step; None when none do, give or take a percent point.

    Args:
        step: percent of the traffic, 1 to 100.
        replicas: of production, at least 1.
    """
    if step == WHOLE:
        return replicas
    near = min(range(1, replicas + 1), key=lambda canary: abs(WHOLE * canary / (replicas + canary) - step))
    return near if abs(WHOLE * near / (replicas + near) - step) <= _NEAR else None


def cannot_form(steps: tuple[int, ...], replicas: int) -> str:
    """Why some steps cannot be formed, and which could, as one sentence; empty when all can.

    Args:
        steps: percent of the traffic.
        replicas: of production, at least 1.
    """
    wrong = [str(step) for step in steps if replicas_for(step, replicas) is None]
    if not wrong:
        return ""
    possible = ", ".join(map(str, sorted(formable(replicas))))
    count = f"{replicas} replica{'s' if replicas > 1 else ''}"
    return f"{count} behind a plain Service cannot form {', '.join(wrong)} %, only {possible} %"
