"""Why a container does not serve, out of what the engine says of it. Pure."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

from jenkins_ml.rendering.kubernetes.quantity import canonical

State = Mapping[str, Any]


def has_ended(state: State) -> bool:
    """Whether a container runs no more."""
    return state["Status"] in ("exited", "dead") or bool(state.get("Restarting"))


def ending(state: State, memory: str | None) -> str:
    """How a container ended, such as "ended with exit code 1".

    Args:
        state: what the engine says of it.
        memory: the limit that was configured; None for none.
    """
    if state.get("OOMKilled"):
        limit = f"its {canonical(memory)} of memory (serve.docker.memory)" if memory else "the machine's memory"
        return f"was killed because it used more than {limit}"
    if state.get("Error"):
        return f"could not be started: {state['Error']}"
    code = int(state.get("ExitCode") or 0)
    if code > 128:  # as shells say it of a signal
        try:
            return f"ended by {signal.Signals(code - 128).name}"
        except ValueError:
            pass
    return f"ended with exit code {code}"


def problem(attributes: Mapping[str, Any], check: str | None, memory: str | None) -> str:
    """Why a version that was ready once is not; empty when it is.

    Args:
        attributes: all that the engine says of its container.
        check: what the proxy's last look at it found, where it was not well; None where it was, or nobody knows.
        memory: the limit that was configured.
    """
    state = attributes["State"]
    restarts = int(attributes.get("RestartCount") or 0)
    if has_ended(state):
        times = f", {restarts} times" if restarts > 1 else ""
        return f"its container {ending(state, memory)}{times}"
    if state["Status"] != "running":
        return f"its container is {state['Status']}"
    if check is not None:
        return f"it does not answer the proxy: {check}"
    return ""
