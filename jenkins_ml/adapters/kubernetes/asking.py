"""What pods of a version say: that they serve it, what they predict, and how many requests they have answered."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Final

from jenkins_ml.adapters.kubernetes import causes, pods
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.kinds import POD, Object
from jenkins_ml.adapters.kubernetes.ledger import Ledger
from jenkins_ml.adapters.kubernetes.shapes import Shapes
from jenkins_ml.adapters.server_counters import PATHS, Totals, own, samples, totals
from jenkins_ml.adapters.target import Answer, Golden, Servable
from jenkins_ml.core.judge import Window
from jenkins_ml.errors import IntegrityError, StageFailed, Unavailable

_KNOWN_SECONDS: Final = 3.0  # how long a list of pods is good for, to ask them
_SCRAPE_SECONDS: Final = 2.0
_GOLDEN_SECONDS: Final = 30.0
_REACHED_SECONDS: Final = 10.0  # how long a pod that is ready may be out of the API server's reach
_PAUSE: Final = 0.2


class Asker:
    """Asks the pods of one model in one environment. May be used from any thread.

    Args:
        api: the API server.
        shapes: what the pods are.
    """

    def __init__(self, api: Api, shapes: Shapes) -> None:
        self._api, self._shapes = api, shapes
        self._lock = threading.Lock()
        self._known: dict[int, tuple[float, list[Object]]] = {}
        self._turn = 0
        self._ledgers: defaultdict[int, Ledger] = defaultdict(Ledger)

    def ask(self, version: int, body: bytes, seconds: float) -> Answer:
        """Ask one of the pods that are ready, another one each time.

        Raises:
            StageFailed: none is.
        """
        with self._lock:
            ready = self._ready(version)
            self._turn += 1
            pod = ready[self._turn % len(ready)] if ready else None
        if pod is None:
            raise StageFailed(f"no pod of version {version} is ready", "look at `jenkins-ml status`")
        answer = self._predict(pod, version, body, seconds)
        if answer.status is None:  # it may have gone
            self.forget(version)
        return answer

    def forget(self, version: int) -> None:
        """Its pods have changed: list them anew."""
        with self._lock:
            self._known.pop(version, None)

    def seen(self, version: int) -> Window:
        """What users were answered since this was called the last time; the first time only begins to count."""
        running = [pod for pod in self._list(version) if (pod.get("status") or {}).get("phase") == "Running"]
        found = pods.each(partial(self._scrape, version), running)
        told = {_identity(pod): counted for pod, counted in zip(running, found, strict=True) if counted is not None}
        return self._ledgers[version].take(told, [_identity(pod) for pod in running])

    def prove(self, servable: Servable, ready: Sequence[Object]) -> None:
        """Ask each pod for the metadata of exactly this version, and for the golden prediction.

        Raises:
            IntegrityError: one has another version, or predicts something else than when it was gated.
            Unavailable: the API server does not reach one.
        """
        for problem in pods.each(partial(self._prove, servable), ready):
            if problem is not None:
                raise problem

    # --- one pod -----------------------------------------------------------------------------------------------------
    def _prove(self, servable: Servable, pod: Object) -> IntegrityError | Unavailable | None:
        version, name = servable.version, pod["metadata"]["name"]
        answer = self._until_reached(pod, f"{self._shapes.pinned(version)}/metadata", None)
        if answer.status is None:
            return Unavailable(
                f"the API server does not reach pod {name}: {answer.body.decode(errors='replace')}",
                "let it: a NetworkPolicy or firewall may keep it from the pods (see docs/kubernetes.md)",
            )
        if answer.status != 200 or _version_in(answer.body) != str(version):
            said = answer.body[:300].decode(errors="replace")
            return IntegrityError(
                f"pod {name} does not serve version {version}: it answers {answer.status}, {said}",
                "look at the log of the pod, and at what its image or volume holds",
            )
        if servable.golden is None:
            return None
        return self._golden(servable.golden, version, pod)

    def _golden(self, golden: Golden, version: int, pod: Object) -> IntegrityError | Unavailable | None:
        name = pod["metadata"]["name"]
        answer = self._until_reached(pod, f"{self._shapes.pinned(version)}:predict", golden.body)
        self._note_own(version, pod, answer)
        if answer.status is None:
            return Unavailable(
                f"pod {name} did not answer the golden prediction: {answer.body.decode(errors='replace')}",
                "try again; it may be too slow, or its node away",
            )
        text = answer.body[:300].decode(errors="replace")
        problem = golden.check(answer.body) if answer.status == 200 else f"it answers {answer.status}, {text}"
        if problem is None:
            return None
        return IntegrityError(
            f"pod {name} does not predict what version {version} did when it was gated: {problem}",
            "train it again, or release another version",
        )

    def _until_reached(self, pod: Object, path: str, body: bytes | None) -> Answer:
        ends = self._api.clock.monotonic() + _REACHED_SECONDS
        while True:
            answer = self._send(pod, path, body, _GOLDEN_SECONDS)
            if answer.status is not None or self._api.clock.monotonic() >= ends:
                return answer
            self._api.clock.sleep(_PAUSE)

    def _predict(self, pod: Object, version: int, body: bytes, seconds: float) -> Answer:
        answer = self._send(pod, f"{self._shapes.pinned(version)}:predict", body, seconds)
        self._note_own(version, pod, answer)
        return answer

    def _note_own(self, version: int, pod: Object, answer: Answer) -> None:
        asked = own(answer.status, answer.seconds, answer.body, self._shapes.limit_ms)
        self._ledgers[version].asked(_identity(pod), asked)

    def _scrape(self, version: int, pod: Object) -> Totals | None:
        answer = self._send(pod, PATHS[self._shapes.server], None, _SCRAPE_SECONDS)
        if answer.status != 200:
            return None
        text = answer.body.decode(errors="replace")
        return totals(samples(text), self._shapes.server, self._shapes.model, version, self._shapes.limit_ms)

    def _send(self, pod: Object, path: str, body: bytes | None, seconds: float) -> Answer:
        meta = pod["metadata"]
        return pods.ask(self._api, meta["namespace"], meta["name"], self._shapes.port, path, body, seconds)

    def _ready(self, version: int) -> list[Object]:
        listed, found = self._known.get(version, (float("-inf"), []))
        if self._api.clock.monotonic() - listed > _KNOWN_SECONDS:
            found = [pod for pod in self._list(version) if causes.is_ready(pod)]
            self._known[version] = self._api.clock.monotonic(), found
        return found

    def _list(self, version: int) -> list[Object]:
        return list(self._api.list(POD, self._shapes.namespace, self._shapes.selector(version))["items"])


def _identity(pod: Object) -> str:
    """A pod, and which of its lives: each restart of a container begins to count anew."""
    restarts = sum(
        int(container.get("restartCount") or 0)
        for container in (pod.get("status") or {}).get("containerStatuses") or ()
    )
    return f"{pod['metadata']['uid']}/{restarts}"


def _version_in(metadata: bytes) -> str | None:
    try:
        return str(json.loads(metadata)["model_spec"]["version"])
    except (ValueError, KeyError, TypeError):
        return None
