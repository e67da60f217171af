"""One deployer at a time: who takes over when, and what one that lost its lease can still do, which is nothing."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from jenkins_ml.adapters.kubernetes import kinds
from jenkins_ml.adapters.kubernetes.api import Api
from jenkins_ml.adapters.kubernetes.connection import connect
from jenkins_ml.errors import Unavailable
from tests.fakes.kubernetes_site import pods_answer, site_of
from tests.fakes.lost_lease import lost_at

pytestmark = [pytest.mark.kubernetes, pytest.mark.xdist_group("kubernetes")]

# A deployer in a process of its own: it says when it holds the environment, waits for a word, then moves the traffic.
DEPLOYER = """
import json
import sys
from jenkins_ml.adapters.kubernetes.target import KubernetesTarget
from jenkins_ml.config.serve import Serve
from jenkins_ml.errors import JenkinsMLError

target = KubernetesTarget("m", "production", Serve.model_validate(json.loads(sys.argv[1])), lambda line: None, float(sys.argv[2]))
try:
    with target.hold("the first deployer"):
        print("held", flush=True)
        sys.stdin.readline()
        try:
            target.route(1, 2, 100)
            print("routed", flush=True)
        except JenkinsMLError as error:
            print(f"{type(error).__name__}: {error.what}", flush=True)
except JenkinsMLError as error:
    print(f"{type(error).__name__}: {error.what}", flush=True)
"""


@pytest.fixture
def site(cluster, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    api = Api(connect(None))
    with pods_answer(api) as network, site_of(api, network) as here:
        yield here


class Deployer:
    def __init__(self, site, lease):
        command = [sys.executable, "-c", DEPLOYER, json.dumps(site.section()), str(lease)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "held\n"

    def go_on(self):
        """What it says after it was told to move the traffic."""
        out, _ = self.process.communicate("go\n", timeout=60)
        return out

    def end(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def first(site):
    """A deployer that holds a site with version 1 in production and version 2 beside it, for 3 s at a time."""
    target = site.target()
    target.load(site.version(1))
    target.route(1, None, 0)
    target.load(site.version(2))
    deployer = Deployer(site, 3.0)
    yield deployer
    deployer.end()


def service(site):
    [found] = site.api.list(kinds.SERVICE, site.namespace)["items"]
    return found["metadata"]["resourceVersion"], found["spec"]["selector"]


def test_who_holds_it_is_named(site, first):
    with (
        pytest.raises(Unavailable, match=r"being changed by the first deployer on .*, process"),
        site.target(lease=3.0).hold("another"),
    ):
        pass
    assert first.go_on() == "routed\n"
    with site.target(lease=3.0).hold("another"):  # it was given back: at once
        pass


def test_a_deployer_that_lost_its_lease_changes_nothing(site, first):
    first.process.send_signal(signal.SIGSTOP)
    target = site.target(lease=3.0)
    with target.hold("the second deployer"):
        before = service(site)
        first.process.send_signal(signal.SIGCONT)
        said = first.go_on()
        assert said.startswith(
            "Unavailable: this deployer has lost its lease of the environment, now held by the second"
        )
        assert service(site) == before
        target.route(1, None, 0)
    assert target.serving().stable == 1


def test_a_change_that_was_under_way_is_refused_by_the_cluster(site, monkeypatch):
    """The moment between looking and writing: the lease is lost right there."""
    first, second = site.target(lease=3.0), site.target(lease=3.0)
    first.load(site.version(1))
    first.route(1, None, 0)
    first.load(site.version(2))
    with lost_at(first, second, kinds.SERVICE, monkeypatch):
        before = service(site)
        with pytest.raises(Unavailable, match="has lost its lease"):
            first.route(1, 2, 100)
        assert service(site)[1] == before[1]
        for change in (lambda: first.unload(2), first.destroy, lambda: first.load(site.version(2))):
            with pytest.raises(Unavailable, match="has lost its lease"):
                change()
    serving = second.serving()
    assert (serving.stable, [running.version for running in serving.versions]) == (1, [1, 2])


def test_a_dead_deployer_on_this_machine_is_replaced_at_once(site):
    deployer = Deployer(site, 600.0)
    os.kill(deployer.process.pid, signal.SIGKILL)
    deployer.end()
    began = time.monotonic()
    with site.target(lease=600.0).hold("the next"):
        pass
    assert time.monotonic() - began < 300  # not the ten minutes that it had


def test_a_deployer_elsewhere_is_waited_for(site):
    """Whether it lives is told by its renewals only, by our own clock; what its clock says does not matter."""
    target = site.target(lease=2.0)
    with target.hold("elsewhere"):
        name = target._place.name
    elsewhere = {
        "metadata": {"annotations": {"jenkins-ml.io/process": "other-boot pid:[1] 7 7"}},
        "spec": {"holderIdentity": "elsewhere", "renewTime": "2001-01-01T00:00:00.000000Z"},
    }
    site.api.patch(kinds.LEASE, site.namespace, name, elsewhere, "merge")
    began = time.monotonic()
    with target.hold("here"):
        assert time.monotonic() - began >= 2.0
        lease = site.api.get(kinds.LEASE, site.namespace, name)
        assert lease["spec"]["leaseTransitions"] == 2
        assert lease["spec"]["holderIdentity"].startswith("here on ")


def test_the_lease_is_renewed_while_it_is_held(site):
    target = site.target(lease=2.0)
    with target.hold("me"):
        name = target._place.name
        renewed = site.api.get(kinds.LEASE, site.namespace, name)["spec"]["renewTime"]
        for _ in range(100):
            if site.api.get(kinds.LEASE, site.namespace, name)["spec"]["renewTime"] != renewed:
                break
            time.sleep(0.1)
        else:
            pytest.fail("it was not renewed")
        target.renew()


def test_somebody_who_deletes_the_lease_ends_the_holding(site):
    target = site.target(lease=1.0)
    with target.hold("me"):
        site.others("DELETE", kinds.LEASE.path(site.namespace, target._place.name), {})
        with pytest.raises(Unavailable, match="held by nobody: the lease was deleted"):
            renewed_until_it_fails(target)


def renewed_until_it_fails(target):
    for _ in range(100):
        target.renew()
        time.sleep(0.1)
