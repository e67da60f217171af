"""`traffic: argo-rollouts` with the real controller of Argo Rollouts: our rollout decides, and Argo forms the shares."""

import contextlib
import threading
import time

import pytest

from jenkins_ml.adapters.kubernetes import fleet, kinds
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.causes import is_ready
from jenkins_ml.adapters.kubernetes.connection import connect
from jenkins_ml.errors import IntegrityError, JenkinsMLError, StageFailed, Unavailable, UsageError
from tests.fakes.kubernetes_site import pods_answer, site_of
from tests.fakes.lost_lease import lost_at
from tests.fakes.repository import wait_until

pytestmark = [pytest.mark.kubernetes, pytest.mark.xdist_group("kubernetes")]

ARGO = {"traffic": "argo-rollouts"}


@pytest.fixture
def api(cluster, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    return Api(connect(None))


@pytest.fixture(scope="module")
def running_controller(cluster):
    with cluster.argo_rollouts() as daemon:
        yield daemon


@pytest.fixture
def controller(running_controller):
    """Its controller; one that a test has ended runs again after it."""
    yield running_controller
    if running_controller.process.poll() is not None:
        running_controller.start()


@pytest.fixture
def site(api):
    with pods_answer(api) as network, site_of(api, network) as here:
        yield here


def traffic(serving):
    return serving.stable, serving.canary, serving.weight, serving.share


def eventually(target, wanted, seconds=5):
    """The endpoints follow the selector a moment later."""
    ends = time.monotonic() + seconds
    while traffic(target.serving()) != wanted and time.monotonic() < ends:
        time.sleep(0.05)
    assert traffic(target.serving()) == wanted
    return True


def pods(target):
    return {running.version: (running.replicas, running.ready) for running in target.serving().versions}


def versions_by_weight(site):
    """The version in the Rollout's template, its step's weight, and all pods that it wants."""
    found = rollout(site)
    version = found["spec"]["template"]["metadata"]["labels"]["jenkins-ml.io/version"]
    return int(version), found["spec"]["strategy"]["canary"]["steps"][0]["setWeight"], found["spec"]["replicas"]


def in_production(site, version, **options):
    target = site.target(**ARGO, **options)
    target.load(site.version(version))
    target.route(version, None, 0)
    return target


def rollout(site):
    [found] = site.api.list(kinds.ROLLOUT, site.namespace)["items"]
    return found


@contextlib.contextmanager
def fewest_ready(site, version):
    """The fewest pods of a version that were ready at any time of the block."""
    seen, ended = [], threading.Event()

    def look():
        while not ended.wait(0.005):
            seen.append(sum(map(is_ready, site.pods(version))))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def test_without_argo_rollouts_nothing_is_made(site):
    target = site.target(**ARGO)
    # The first test of this module: Argo Rollouts comes with the next one, and stays.
    for call in (target.start, lambda: target.load(site.version(1)), target.serving):
        with pytest.raises(UsageError) as raised:
            call()
        assert "Argo Rollouts for `traffic: argo-rollouts`" in raised.value.next_step
    assert site.made() == []


def test_a_whole_life(controller, site):
    target = site.target(**ARGO)
    target.check((25, 50, 100), 0)
    with target.hold("the first release"):
        target.start()
        assert target.serving().versions == ()
        target.load(site.version(1))
        assert traffic(target.serving()) == (None, None, 0, None)
        target.route(1, None, 0)
        assert eventually(target, (1, None, 0, 0.0))
        assert pods(target) == {1: (3, 3)}

    with target.hold("a release that is promoted"), fewest_ready(site, 1) as ready:
        target.load(site.version(2))
        assert eventually(target, (1, None, 0, 0.0))
        assert pods(target) == {1: (3, 3), 2: (1, 1)}
        for weight, share in ((25, 25.0), (50, 50.0), (100, 100.0)):
            target.route(1, 2, weight)
            assert eventually(target, (1, 2, weight, share))
        target.route(2, None, 0)
        assert eventually(target, (2, None, 0, 0.0))
        assert pods(target) == {1: (3, 3), 2: (3, 3)}
    assert min(ready) == 3

    with target.hold("a rollback to the version that is warm"):
        before = target.api.connection.requests
        target.route(1, None, 0)
        assert target.api.connection.requests - before <= 8
        assert eventually(target, (1, None, 0, 0.0))
        with fewest_ready(site, 1) as ready:
            target.unload(2)
        assert min(ready) == 3
        assert pods(target) == {1: (3, 3)}

    with target.hold("a bad canary"), fewest_ready(site, 1) as ready:
        target.load(site.version(3))
        target.route(1, 3, 25)
        assert eventually(target, (1, 3, 25, 25.0))
        target.route(1, None, 0)
        target.unload(3)
        assert pods(target) == {1: (3, 3)}
        assert rollout(site)["spec"]["template"]["metadata"]["labels"]["jenkins-ml.io/version"] == "1"
    assert min(ready) == 3

    assert [(each.model, each.serving) for each in fleet.fleet(site.api, site.namespace)] == [("m", target.serving())]
    with target.hold("the end"):
        removed = target.destroy()
    assert any(name.startswith("Rollout ") for name in removed)
    assert site.made() == []


class Killed(BaseException):
    """What ends a deployer here."""


def kill_before(target, number):
    """Let a target die just before its change of that number, and so after all before that one."""
    send, counted = target.api.connection.send, [0]

    def sent(method, path, *arguments, **options):
        if method != "GET" and "/proxy/" not in path:
            counted[0] += 1
            if counted[0] == number:
                raise Killed
        return send(method, path, *arguments, **options)

    target.api.connection.send = sent


def promote(site, target, stable, candidate):
    target.load(site.version(candidate))
    target.route(stable, candidate, 50)
    target.route(stable, candidate, 100)
    target.route(candidate, None, 0)
    target.unload(stable)


def roll_back(site, target, stable, candidate):
    target.load(site.version(candidate))
    target.route(stable, candidate, 50)
    target.route(stable, None, 0)
    target.unload(candidate)


@pytest.mark.parametrize("life", [promote, roll_back])
def test_whoever_comes_next_goes_on_after_any_change(controller, site, life):
    """A deployer that died before any of its changes: the same calls lead to the same state, and nobody went without."""
    stable, number, died = 1, 0, True
    in_production(site, stable)
    while died:
        number += 1
        candidate = stable + 1
        target = site.target(**ARGO)
        kill_before(target, number)
        with fewest_ready(site, stable) as ready:
            try:
                life(site, target, stable, candidate)
                died = False
            except Killed:
                life_of_the_next(site, life, stable, candidate)
        if life is promote:
            stable = candidate
        else:
            assert min(ready) == 3
        now = site.target(**ARGO).serving()
        assert (now.stable, now.canary) == (stable, None)
        assert pods(site.target(**ARGO)) == {stable: (3, 3)}
        assert versions_by_weight(site)[::2] == (stable, 3)
    assert number > 12  # as many changes there were, and one more


def life_of_the_next(site, life, stable, candidate):
    """The one who comes next finds out what is there, as `serve --resume` does."""
    target = site.target(**ARGO)
    if target.serving().stable == candidate:  # all of it had happened, but for the end
        assert life is promote
        target.unload(stable)
        return
    life(site, target, stable, candidate)


def test_a_version_that_fails_leaves_production_as_it_was(controller, site):
    target = in_production(site, 1)
    site.network.behave(version=2, answer=5)
    with fewest_ready(site, 1) as ready:
        for bad, error, why in (
            (2, IntegrityError, "does not predict what version 2 did"),
            (901, StageFailed, "image registry.test/m:901 cannot be pulled"),
            (902, IntegrityError, "Check failed"),
        ):
            with pytest.raises(error, match=why):
                target.load(site.version(bad))
            assert traffic(target.serving()) == (1, None, 0, 0.0)
            assert pods(target) == {1: (3, 3)}
            assert versions_by_weight(site)[::2] == (1, 3)
    assert min(ready) == 3


def test_two_versions_have_place(controller, site):
    target = in_production(site, 1)
    target.load(site.version(2))
    target.route(1, 2, 100)
    target.route(2, None, 0)
    assert pods(target) == {1: (3, 3), 2: (3, 3)}
    target.load(site.version(3))  # the version that was kept warm makes place
    assert any("version 1 makes place for version 3" in line for line in site.said)
    assert pods(target) == {2: (3, 3), 3: (1, 1)}
    with pytest.raises(StageFailed, match="place for one version beside 2, and version 3 has it"):
        target.load(site.version(1))  # not for one that is only to be kept warm
    target.route(2, 3, 50)
    with pytest.raises(StageFailed, match="versions 2 and 3 share the traffic"):
        target.load(site.version(4))
    target.route(2, None, 0)
    target.load(site.version(4))  # a candidate takes the place of the one before
    assert eventually(target, (2, None, 0, 0.0))
    assert pods(target) == {2: (3, 3), 4: (1, 1)}
    target.unload(4)
    target.load(site.version(1))  # the version before, warm again
    assert pods(target) == {1: (1, 1), 2: (3, 3)}
    with fewest_ready(site, 2) as ready:
        target.route(1, None, 0)
    assert min(ready) == 3
    assert eventually(target, (1, None, 0, 0.0))
    assert pods(target)[1] == (3, 3)


def test_a_version_from_before_is_released_again(controller, site):
    target = in_production(site, 1)
    target.load(site.version(2))
    target.route(1, 2, 100)
    target.route(2, None, 0)
    before = {pod["metadata"]["uid"] for pod in site.pods(1)}
    target.load(site.version(1))  # as a candidate beside 2: other pods, which may share its traffic
    assert not before & {pod["metadata"]["uid"] for pod in site.pods(1)}
    target.route(2, 1, 25)
    assert eventually(target, (2, 1, 25, 25.0))
    assert pods(target) == {1: (1, 1), 2: (3, 3)}


def test_an_autoscaler_adds_pods_in_a_release_and_takes_none(controller, site):
    target = in_production(site, 1, autoscale={"min": 2, "max": 4})

    def limits():
        [autoscaler] = site.api.list(kinds.AUTOSCALER, site.namespace)["items"]
        assert autoscaler["spec"]["scaleTargetRef"]["kind"] == "Rollout"
        return autoscaler["spec"]["minReplicas"], autoscaler["spec"]["maxReplicas"]

    assert limits() == (2, 4)
    # What an autoscaler would do under load; from then on it is the manager of this field.
    scale = f"{kinds.ROLLOUT.path(site.namespace, rollout(site)['metadata']['name'])}/scale"
    site.others("PATCH", scale, {"spec": {"replicas": 4}}, "application/merge-patch+json")
    target.load(site.version(2))
    assert pods(target)[1] == (4, 4)
    target.route(1, 2, 50)
    assert pods(target) == {1: (4, 4), 2: (4, 4)}
    assert limits() == (8, 8)
    target.route(1, 2, 100)
    target.route(2, None, 0)
    target.unload(1)
    assert limits() == (2, 4)
    assert pods(target) == {2: (4, 4)}


def test_without_a_controller_nothing_is_brought_up(controller, site):
    controller.kill()
    target = site.target(**ARGO, ready_timeout="4s")
    with pytest.raises(Unavailable) as raised:
        target.load(site.version(1))
    assert "no controller of Argo Rollouts has taken up Rollout m-production" in raised.value.what
    assert "watches this namespace" in raised.value.next_step
    assert target.serving().versions == ()
    assert [name for name in site.made() if name.startswith(("Pod ", "ReplicaSet "))] == []


def test_a_controller_that_goes_away_in_a_release(controller, site):
    target = in_production(site, 1, ready_timeout="4s")
    target.load(site.version(2))
    target.route(1, 2, 25)
    controller.kill()
    with pytest.raises(Unavailable, match="no controller of Argo Rollouts has taken up Rollout m-production"):
        target.route(1, 2, 50)
    target.route(1, None, 0)  # the Service is ours: users need no controller to come back
    assert eventually(target, (1, None, 0, 0.0))
    with pytest.raises(Unavailable, match="cannot go back to version 1: no controller of Argo Rollouts"):
        target.unload(2)
    running = target.serving().find(2)
    assert "no controller of Argo Rollouts" in running.problem
    controller.start()
    site.target(**ARGO).unload(2)
    assert pods(target) == {1: (3, 3)}


def test_somebody_aborts_it_by_the_tools_of_argo(controller, site):
    target = in_production(site, 1)
    target.load(site.version(2))
    target.route(1, 2, 25)
    path = kinds.ROLLOUT.path(site.namespace, rollout(site)["metadata"]["name"], "status")
    site.others("PATCH", path, {"status": {"abort": True}}, "application/merge-patch+json")
    assert eventually(target, (1, 2, 25, 0.0))  # `seen` has no more answers of it
    assert "RolloutAborted" in target.serving().find(2).problem
    target.route(1, 2, 50)  # another step begins anew
    assert eventually(target, (1, 2, 50, 50.0))


def test_somebody_promotes_it_by_the_tools_of_argo(controller, site):
    target = in_production(site, 1)
    target.load(site.version(2))
    target.route(1, 2, 25)
    path = kinds.ROLLOUT.path(site.namespace, rollout(site)["metadata"]["name"], "status")
    site.others("PATCH", path, {"status": {"promoteFull": True}}, "application/merge-patch+json")
    wait_until(lambda: pods(target) == {2: (4, 4)}, "promoted")
    with pytest.raises(StageFailed, match="version 1 is not on the cluster"):
        target.route(1, 2, 50)
    target.load(site.version(1))  # what the next command does: production is 1
    target.route(1, None, 0)
    assert eventually(target, (1, None, 0, 0.0))
    target.unload(2)
    assert pods(target) == {1: (3, 3)}


def test_what_lost_its_lease_changes_no_rollout(controller, site, monkeypatch):
    first, second = in_production(site, 1, lease=3.0), site.target(**ARGO, lease=3.0)
    first.load(site.version(2))
    with lost_at(first, second, kinds.ROLLOUT, monkeypatch):
        before = rollout(site)["spec"]
        for change in (lambda: first.route(1, 2, 50), lambda: first.unload(2), first.destroy):
            with pytest.raises(JenkinsMLError, match="has lost its lease"):
                change()
    assert rollout(site)["spec"] == before
