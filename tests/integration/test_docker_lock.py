"""Who may change an environment of a real Docker engine."""

import contextlib
import threading
import time

import pytest

from jenkins_ml import names
from jenkins_ml.adapters.docker import lock
from jenkins_ml.adapters.docker.connection import connect
from jenkins_ml.errors import Unavailable
from tests.fakes.docker_site import site_of

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker")]
SECONDS = 1.0


@pytest.fixture
def site(docker_engine, tmp_path):
    with site_of(docker_engine, tmp_path) as here:
        yield here


class Deployer:
    """One that holds the lock, on another machine as far as others can tell."""

    def __init__(self, site, monkeypatch, elsewhere=True):
        self.site = site
        if elsewhere:
            monkeypatch.setattr(lock.identity, "this_process", lambda: "")
        self.client = connect(site.engine.address)
        self.image = site.client.images.get(site.engine.proxy).id

    @contextlib.contextmanager
    def holds(self, holder):
        with lock.held(self.client, self.site.target()._shapes, self.image, holder, SECONDS) as holding:
            yield holding


@pytest.fixture
def deployer(site, monkeypatch):
    made = Deployer(site, monkeypatch)
    yield made
    made.client.close()


def locks(site):
    return [name for name in site.made() if name.endswith("-lock")]


def test_one_at_a_time(site, deployer):
    with deployer.holds("one"):
        with pytest.raises(Unavailable, match="this environment is being changed by one on "), deployer.holds("other"):
            pass
        assert len(locks(site)) == 1
    assert locks(site) == []
    with deployer.holds("other") as holding:
        holding.check()


def test_other_environments_are_not_held(site):
    with site.target("staging").hold("one"), site.target("production").hold("other"):
        assert len(locks(site)) == 2


def test_who_gives_no_sign_of_life_is_taken_over_and_changes_nothing_any_more(site, deployer, monkeypatch):
    with deployer.holds("slow") as slow:
        monkeypatch.setattr(slow, "beat", lambda: None)
        with deployer.holds("next") as holding:
            holding.check()
            with pytest.raises(Unavailable, match="taken for dead"):
                slow.check()
            slow.give_back()
            holding.check()
    assert locks(site) == []


def test_a_holder_that_is_known_to_be_dead_is_replaced_at_once(site, deployer, monkeypatch):
    with deployer.holds("dead") as dead:
        monkeypatch.setattr(dead, "beat", lambda: None)
        monkeypatch.setattr(lock.identity, "is_dead", lambda process: True)
        monkeypatch.setattr(lock, "time", _NoSleep())
        with deployer.holds("next") as holding:
            holding.check()


class _NoSleep:
    monotonic = staticmethod(time.monotonic)

    @staticmethod
    def sleep(seconds):
        raise AssertionError("nobody had to wait")


def test_of_many_that_want_it_one_has_it(site, deployer):
    inside, most, refused = 0, 0, 0
    guard, ready = threading.Lock(), threading.Barrier(4)

    def want(number):
        nonlocal inside, most, refused
        ready.wait()
        try:
            with deployer.holds(f"deployer {number}"):
                with guard:
                    inside += 1
                    most = max(most, inside)
                time.sleep(SECONDS)
                with guard:
                    inside -= 1
        except Unavailable:
            with guard:
                refused += 1

    threads = [threading.Thread(target=want, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert refused == 3


def test_a_target_that_lost_it_changes_nothing(site):
    target = site.target()
    with target.hold("me"):
        target.start()
        [container] = site.client.containers.list(
            all=True, filters={"label": [f"{names.LABEL_MODEL}={site.model}", f"{names.LABEL_ROLE}=lock"]}
        )
        container.remove(force=True)
        for change in (target.start, target.renew, lambda: target.unload(1), lambda: target.route(1, None, 0)):
            with pytest.raises(Unavailable, match="changes nothing any more"):
                change()
