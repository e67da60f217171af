"""A fake of a target that versions are released on: it keeps what was asked of it, and fails on demand."""

import contextlib
import json
from collections.abc import Iterator, Mapping

from jenkins_ml.adapters.target import Answer, Running, Servable, Serving
from jenkins_ml.core.judge import Window

GOOD = Window(requests=100)
BAD = Window(requests=100, failed=50)
# What changes something, and what looks.
CHANGES = ("start", "load", "unload", "route", "destroy")


class FakeTarget:
    """Args:
    seen: by version, what users were answered between two looks; GOOD for others.
    failures: what is raised at the n-th call of a method, from 0: {("route", 1): Unavailable("gone")}.
    predicted: by version, what it answers when it is asked; one number.
    """

    def __init__(
        self,
        seen: Mapping[int, Window] | None = None,
        failures: Mapping[tuple[str, int], BaseException] | None = None,
        predicted: Mapping[int, float] | None = None,
    ) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.held_by: str | None = None
        self.kept: dict[str, str] = {}
        self._seen = dict(seen or {})
        self._failures = dict(failures or {})
        self._predicted = dict(predicted or {})
        self._versions: dict[int, Running] = {}
        self._traffic: tuple[int | None, int | None, int] = (None, None, 0)

    @property
    def changes(self) -> list[tuple[object, ...]]:
        """The calls that changed something."""
        return [call for call in self.calls if call[0] in CHANGES]

    def _called(self, name: str, *arguments: object) -> None:
        number = sum(call[0] == name for call in self.calls)
        self.calls.append((name, *arguments))
        if failure := self._failures.get((name, number)):
            raise failure

    @contextlib.contextmanager
    def hold(self, holder: str) -> Iterator[None]:
        self._called("hold", holder)
        self.held_by = holder
        try:
            yield
        finally:
            self.held_by = None

    def check(self, steps: tuple[int, ...], shadow: int) -> None:
        self._called("check", steps, shadow)

    def start(self) -> None:
        self._called("start")

    def load(self, servable: Servable) -> None:
        self._called("load", servable.version)
        digest = servable.reference.manifest_digest
        self._versions[servable.version] = Running(
            version=servable.version, manifest_digest=digest, replicas=1, ready=1
        )

    def unload(self, version: int) -> None:
        self._called("unload", version)
        self._versions.pop(version, None)

    def route(self, stable: int, canary: int | None, weight: int) -> None:
        self._called("route", stable, canary, weight)
        self._traffic = (stable, canary, weight)

    def renew(self) -> None:
        self._called("renew")

    def seen(self, version: int) -> Window:
        self._called("seen", version)
        stable, canary, weight = self._traffic
        asked = version == stable or (version == canary and weight > 0)
        return self._seen.get(version, GOOD) if asked else Window()

    def ask(self, version: int, body: bytes, seconds: float) -> Answer:
        self._called("ask", version, body)
        answer = json.dumps({"predictions": [self._predicted.get(version, 1.0)]}).encode()
        return Answer(status=200, seconds=0.001, body=answer)

    def sample(self, percent: int) -> tuple[bytes, ...]:
        self._called("sample", percent)
        return (b"from a user",)

    def serving(self) -> Serving:
        self._called("serving")
        stable, canary, weight = self._traffic
        return Serving(
            versions=tuple(self._versions.values()),
            stable=stable,
            canary=canary,
            weight=weight,
            rest="http://127.0.0.1:1/v1/models/m",
            grpc="127.0.0.1:2",
        )

    def remember(self, key: str, text: str | None) -> None:
        self._called("remember", key)
        if text is None:
            self.kept.pop(key, None)
        else:
            self.kept[key] = text

    def recall(self, key: str) -> str | None:
        return self.kept.get(key)

    def destroy(self) -> tuple[str, ...]:
        self._called("destroy")
        return ("everything",)
