"""A release whose deployer stands still for too long belongs to whoever comes next."""

import os
import signal

import pytest

from tests.fakes.repository import finish, wait_until

pytestmark = [pytest.mark.tensorflow, pytest.mark.xdist_group("taken-over")]


def test_serve_that_goes_on_after_it_was_taken_over_leaves_production_alone(gated):
    gated.ok("serve", run="first")
    gated.ok("train", run="second")
    gated.ok("gate", run="second")
    gated.change("jenkins-ml.yaml", "interval: 50ms", "interval: 10m")
    process = gated.start("serve", run="second")
    try:
        wait_until(lambda: gated.kinds()[-1] == "release_step", "half of the traffic goes to version 2")
        os.kill(process.pid, signal.SIGSTOP)
        # As on another machine, where the kernel's lock of this one is not seen.
        gated.store.release_lock("production").unlink()
        taken = gated.ok("server")
        assert "waiting whether process" in taken.err
        assert "run second died while it released version 2; that release is abandoned" in taken.err
        assert gated.kinds()[-1] == "release_abandoned"
        entries = gated.store.journal.entries()
    finally:
        os.kill(process.pid, signal.SIGCONT)
    done = finish(process)
    assert (done.code, done.errors) == (6, 1), done
    assert "production is not ours any more: process " in done.error
    assert " (server) on " in done.error
    assert "could not clean up" not in done.err
    assert gated.store.journal.entries() == entries
    traffic = gated.server().state()["traffic"]
    assert (traffic["stable"], traffic["canary"], traffic["weight"]) == (1, None, 0)
    assert gated.answering() == gated.production() == 1

    gated.change("jenkins-ml.yaml", "interval: 10m", "interval: 50ms")
    gated.ok("serve", run="second")
    assert gated.answering() == gated.production() == 2
