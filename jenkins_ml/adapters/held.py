"""A target that is held: every call that changes something makes sure first that nobody has taken the environment over."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

from jenkins_ml.adapters.release_lock import Fence
from jenkins_ml.adapters.target import Answer, Servable, Serving, Target
from jenkins_ml.core.judge import Window


@dataclass(frozen=True)
class HeldTarget:
    """A target for who holds the release lock of its environment; see Target for the methods.

    Every method that changes something raises TakenOver when somebody else holds it by now.

    Args:
        target: what is held.
        fence: the right to change it.
    """

    target: Target
    fence: Fence

    def hold(self, holder: str) -> AbstractContextManager[None]:
        """As the target does it: its own lock comes after that of the store."""
        return self.target.hold(holder)

    def check(self, steps: tuple[int, ...], shadow: int) -> None:
        """Make sure that traffic can be split like this."""
        self.target.check(steps, shadow)

    def start(self) -> None:
        """Bring up what must be there before any version is."""
        self.fence.check()
        self.target.start()

    def load(self, servable: Servable) -> None:
        """Bring up a version."""
        self.fence.check()
        self.target.load(servable)

    def unload(self, version: int) -> None:
        """Take a version out."""
        self.fence.check()
        self.target.unload(version)

    def route(self, stable: int, canary: int | None, weight: int) -> None:
        """Split the traffic."""
        self.fence.check()
        self.target.route(stable, canary, weight)

    def renew(self) -> None:
        """Say that the deployer still lives."""
        self.fence.check()
        self.target.renew()

    def seen(self, version: int) -> Window:
        """The answers of a version to users."""
        return self.target.seen(version)

    def ask(self, version: int, body: bytes, seconds: float) -> Answer:
        """Ask one version."""
        return self.target.ask(version, body, seconds)

    def sample(self, percent: int) -> tuple[bytes, ...]:
        """Requests of users."""
        return self.target.sample(percent)

    def serving(self) -> Serving:
        """What runs now."""
        return self.target.serving()

    def remember(self, key: str, text: str | None) -> None:
        """Keep a small text with the target."""
        self.fence.check()
        self.target.remember(key, text)

    def recall(self, key: str) -> str | None:
        """The text that was kept."""
        return self.target.recall(key)

    def destroy(self) -> tuple[str, ...]:
        """Take everything away."""
        self.fence.check()
        return self.target.destroy()
