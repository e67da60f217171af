"""The nodes of a server: itself, and agents that nobody connects."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Agent:
    """An agent.

    Args:
        name: of the node.
        labels: that it has.
        executors: that it offers.
        description: of the node.
        root: its directory.
        mode: NORMAL or EXCLUSIVE.
        offline_because: what somebody said who took it offline.
    """

    name: str
    labels: list[str] = field(default_factory=list)
    executors: int = 1
    description: str = ""
    root: str = ""
    mode: str = "NORMAL"
    offline_because: str | None = None

    def shown(self, _: Any = None) -> dict[str, Any]:
        names = [self.name, *reversed(self.labels)]
        return {
            "_class": "hudson.slaves.SlaveComputer",
            "assignedLabels": [{"name": name} for name in names],
            "description": self.description,
            "displayName": self.name,
            "executors": [],
            "idle": True,
            "jnlpAgent": True,
            "launchSupported": False,
            "numExecutors": self.executors,
            "offline": True,
            "oneOffExecutors": [],
            "offlineCauseReason": self.offline_because or "",
            "temporarilyOffline": self.offline_because is not None,
        }


class Nodes:
    """The agents, by name."""

    def __init__(self) -> None:
        self.agents: dict[str, Agent] = {}
