"""A Kubernetes cluster as a target of releases: what the rollout asks for, done with the parts beside this module."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cached_property

from jenkins_ml.adapters.kubernetes import notes, packing, state
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.argo import ArgoRollout
from jenkins_ml.adapters.kubernetes.asking import Asker
from jenkins_ml.adapters.kubernetes.bringing import Bringer
from jenkins_ml.adapters.kubernetes.connection import connect
from jenkins_ml.adapters.kubernetes.kinds import ADDED, GUARDED, LEASE, MADE, Kind, Object
from jenkins_ml.adapters.kubernetes.lease import SECONDS, Place, held
from jenkins_ml.adapters.kubernetes.refusals import Missing
from jenkins_ml.adapters.kubernetes.routing import Router
from jenkins_ml.adapters.kubernetes.sampling import Samples
from jenkins_ml.adapters.kubernetes.shapes import Shapes
from jenkins_ml.adapters.kubernetes.workloads import Deployments, Workloads
from jenkins_ml.adapters.kubernetes.writing import Writer, is_ours
from jenkins_ml.adapters.target import Answer, Servable, Serving
from jenkins_ml.config.serve import Serve
from jenkins_ml.core.judge import Window
from jenkins_ml.errors import UsageError
from jenkins_ml.records import ServerSummary


class KubernetesTarget:
    """One environment of a model on a cluster.

    Args:
        model: its name.
        environment: its name.
        serve: the section, as it holds in this environment.
        progress: takes a line about what is under way.
        lease_seconds: how long the environment stays ours when we say nothing any more.
        image_of: says which image a version's pods run; by default it is built and pushed where `serve.image` is set.
    """

    def __init__(
        self,
        model: str,
        environment: str,
        serve: Serve,
        progress: Callable[[str], None],
        lease_seconds: float = SECONDS,
        image_of: Callable[[Servable], str] | None = None,
    ) -> None:
        self._image_of = image_of or (lambda servable: packing.image_of(servable, model, serve, progress))
        self._shapes = Shapes(model, environment, serve)
        self._serve, self._progress = serve, progress
        self._namespace = serve.kubernetes.namespace
        self._selector = state.ours(model, environment)
        self._place = Place(self._namespace, self._shapes.name, self._shapes.labels, lease_seconds)

    # Nothing is reached before it is needed: much is refused without a cluster.
    @cached_property
    def api(self) -> Api:
        """The API server."""
        return Api(connect(self._serve.kubernetes.context), self._progress)

    @cached_property
    def _writer(self) -> Writer:
        return Writer(self.api, self._namespace)

    @cached_property
    def _router(self) -> Router:
        return Router(self.api, self._writer, self._shapes, self._workloads, self._progress)

    @cached_property
    def _workloads(self) -> Workloads:
        if self._shapes.argo:
            return ArgoRollout(self.api, self._writer, self._shapes, self._progress)
        return Deployments(self.api, self._writer, self._shapes)

    @cached_property
    def _asker(self) -> Asker:
        return Asker(self.api, self._shapes)

    @cached_property
    def _bringer(self) -> Bringer:
        shapes, workloads = self._shapes, self._workloads
        router, asker = self._router, self._asker
        return Bringer(self.api, self._writer, shapes, workloads, router, asker, self._image_of, self._progress)

    @cached_property
    def _samples(self) -> Samples:
        return Samples(self.api, self._shapes, self._progress)

    @contextlib.contextmanager
    def hold(self, holder: str) -> Iterator[None]:
        """Hold the Lease of this environment for the time of a block.

        Raises:
            Unavailable: somebody else holds it.
        """
        with held(self.api, self._place, holder, self._progress) as holding:
            self._writer.holding = holding
            try:
                self._writer.stamp(self._ours(GUARDED))
                yield
            finally:
                self._writer.holding = None

    def check(self, steps: tuple[int, ...], shadow: int) -> None:
        """Make sure that the replicas can form these steps (weights of an HTTPRoute can form all), and the pods can sample.

        Raises:
            UsageError: it says which steps could be formed, or whose pods can sample users' requests.
        """
        self._shapes.check(steps)
        self._shapes.check_shadow(shadow)

    def start(self) -> None:
        """Make what all versions share: the Service, and who may do what to the pods."""
        self._bringer.share()
        self._samples.prepare()

    def load(self, servable: Servable) -> None:
        """Bring up a version without traffic; when that fails, its objects are taken away again.

        Raises:
            IntegrityError: it cannot be served, and the version is to blame.
            StageFailed: its configuration is, or a policy of the cluster.
            Unavailable: the cluster has no room for it, or it was not ready in time.
        """
        self._bringer.bring(servable)

    def unload(self, version: int) -> None:
        """Take a version out; its pods answer what they are at, and end."""
        self._bringer.take_out(version)

    def route(self, stable: int, canary: int | None, weight: int) -> None:
        """Split the traffic."""
        self._router.route(stable, canary, weight)

    def renew(self) -> None:
        """A canary keeps its share when the deployer dies; so it must find out when somebody else has taken over."""
        self._writer.check()

    def seen(self, version: int) -> Window:
        """The answers of a version to users since this was asked the last time; the first time only begins to count."""
        return self._asker.seen(version)

    def ask(self, version: int, body: bytes, seconds: float) -> Answer:
        """Ask one of the pods of a version, another one each time."""
        return self._asker.ask(version, body, seconds)

    def sample(self, percent: int) -> tuple[bytes, ...]:
        """A share of what users asked the pods of production over REST, where those run our server."""
        stable = self._router.now().stable
        return () if stable is None else self._samples.take(stable, percent)

    def summaries(self, version: int) -> tuple[ServerSummary, ...]:
        """What users have asked the pods of a version, where those run our server and have the token of the sample."""
        return self._samples.summaries(version)

    def serving(self) -> Serving:
        """What runs now: five requests, or seven, however many pods there are."""
        objects = state.read(self.api, self._namespace, self._selector, self._shapes.kinds_added)
        rest, grpc = self._shapes.addresses(lambda namespace, name: state.gateway_address(self.api, namespace, name))
        return state.serving_of(objects, rest, grpc)

    def remember(self, key: str, text: str | None) -> None:
        """Keep a small text as an annotation of the Lease; None forgets it."""
        notes.remember(self.api, self._place, key, text)

    def recall(self, key: str) -> str | None:
        """The text that was kept; None for none."""
        return notes.recall(self.api, self._place, key)

    def destroy(self) -> tuple[str, ...]:
        """Take away what was made here, and wait until the pods have gone; answers what it was, one name each."""
        removed = (*self._bringer.take_away(self._ours(MADE)), *self._samples.take_away())
        holding = self._writer.holding
        lease = self.api.get(LEASE, self._namespace, self._place.name)
        if lease is None or not is_ours(lease):
            return removed
        if holding is not None:
            holding.forget = True  # until the end of the block nobody else may begin
        else:
            self.api.delete(LEASE, self._namespace, self._place.name, lease["metadata"]["resourceVersion"])
        return (*removed, f"Lease {self._place.name}")

    def _ours(self, kinds: tuple[Kind, ...]) -> list[tuple[Kind, Object]]:
        """All objects of these kinds that we made for this model and environment."""
        found: list[tuple[Kind, Object]] = []
        for kind in kinds:
            try:
                listed = self.api.list(kind, self._namespace, self._selector)
            except (UsageError, Missing):
                if kind in ADDED and kind not in self._shapes.kinds_added:  # need not be installed
                    continue
                raise
            found += [(kind, thing) for thing in listed["items"] if is_ours(thing)]
        return found
