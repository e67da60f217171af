"""A fake of a server that versions are released on: it keeps what was asked of it, and fails on demand."""

from collections.abc import Mapping

from jenkins_ml.core.judge import Evidence, Window

GOOD = Evidence(
    live=Window(requests=100), live_stable=Window(requests=100), replayed=Window(), replayed_stable=Window()
)
BAD = Evidence(
    live=Window(requests=100, failed=50), live_stable=Window(requests=100), replayed=Window(), replayed_stable=Window()
)


class FakeTarget:
    """`failures`: what is raised at the n-th call of a method, counted from 0: {("route", 1): Unavailable("gone")}."""

    def __init__(
        self, evidence: Evidence = GOOD, failures: Mapping[tuple[str, int], BaseException] | None = None
    ) -> None:
        self.calls: list[tuple[object, ...]] = []
        self._evidence = evidence
        self._failures = dict(failures or {})

    def _called(self, name: str, *arguments: object) -> None:
        number = sum(call[0] == name for call in self.calls)
        self.calls.append((name, *arguments))
        if failure := self._failures.get((name, number)):
            raise failure

    def load(self, version: int) -> None:
        self._called("load", version)

    def unload(self, version: int) -> None:
        self._called("unload", version)

    def route(self, stable: int | None, canary: int | None, weight: int) -> None:
        self._called("route", stable, canary, weight)

    def watch(self, candidate: int, stable: int | None) -> Evidence:
        self._called("watch", candidate, stable)
        return self._evidence
