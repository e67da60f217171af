"""Why a version, or the proxy, cannot be served on a real Docker engine: each cause in words, and nothing left behind."""

import dataclasses
import socket

import pytest

from jenkins_ml.adapters.docker.target import DockerTarget
from jenkins_ml.errors import IntegrityError, StageFailed, Unavailable, UsageError
from tests.fakes.docker_site import GOLDEN, image, image_of_model_server, predict, site_of

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker")]


@pytest.fixture(scope="module")
def engine(docker_engine):
    image_of_model_server(docker_engine)
    return docker_engine


@pytest.fixture
def site(engine, tmp_path):
    with site_of(engine, tmp_path) as here:
        target = here.target()
        target.start()
        target.load(here.version(1))
        target.route(1, None, 0)
        yield here


def refused(site, kind, wanted, **section):
    """What `load` says; version 1 serves on, and nothing of the other one stays."""
    target = site.target(**section)
    with pytest.raises(kind) as raised:
        target.load(wanted)
    serving = site.target().serving()
    assert [running.version for running in serving.versions] == [1]
    assert predict(serving.rest)[0] == 200
    assert not any("v2" in name for name in site.made())
    return raised.value


def test_it_crashes_while_it_loads(site):
    error = refused(site, IntegrityError, site.version(2, crash="start"))
    assert "version 2 cannot be served: its container ended by SIGABRT while it was loaded" in error.what
    assert "Check failed: behaviour.json says crash" in error.what


def test_it_never_becomes_ready(site):
    error = refused(site, IntegrityError, site.version(2, never_ready=True), ready_timeout="2s")
    assert "it did not answer within 2 s (serve.docker.ready_timeout); the last answer was 404" in error.what
    assert "Exporting HTTP/REST API" in error.what


def test_it_predicts_something_else(site):
    error = refused(site, IntegrityError, site.version(2, answer=1))
    assert "version 2 does not answer as it did when it was gated: it predicts" in error.what


def test_it_fails_when_it_is_asked(site):
    error = refused(site, IntegrityError, site.version(2, fail_share=1))
    assert "asked as at the gate, it answers 500" in error.what


def test_it_takes_too_much_memory(site):
    error = refused(site, IntegrityError, site.version(2), memory="32Mi", server={"image": hog(site)})
    assert "was killed because it used more than its 32Mi of memory (serve.docker.memory)" in error.what


def hog(site):
    """An image whose server fills its memory."""
    name = "jenkins-ml-tests/hog:local"
    image(
        site.engine,
        name,
        'ENTRYPOINT ["python3", "-c", "held = [bytearray(1 << 20) for _ in range(1 << 12)]"]',
    )
    return name


def test_there_is_no_such_image(site):
    # Nothing listens there: what a registry answers that does not have it is in tests/integration/test_images.py.
    error = refused(site, Unavailable, site.version(2), server={"image": "127.0.0.1:1/nobody/nothing:1"})
    assert "pulling the image 127.0.0.1:1/nobody/nothing:1" in error.what


def test_the_image_starts_nothing(site):
    image = site.engine.base  # its command is Python, which our flags take the place of
    error = refused(site, UsageError, site.version(2), server={"image": image})
    assert "serve.server.image must start the server by itself" in error.next_step


def test_a_file_was_changed(site):
    wanted = site.version(2)
    (wanted.path / "saved_model.pb").write_bytes(b"other")
    error = refused(site, IntegrityError, wanted)
    assert "saved_model.pb is not what was recorded of it" in error.what


def test_there_are_no_gpus(site):
    error = refused(site, UsageError, site.version(2), gpus=1)
    assert "NVIDIA" in error.next_step


def test_another_version_of_the_same_number_has_the_traffic(site):
    with pytest.raises(IntegrityError, match="has another version 1, of digest fff"):
        site.target().load(site.version(1, digest="e"))
    assert predict(site.target().serving().rest)[0] == 200


def test_what_was_left_half_made_is_made_anew(site):
    target = site.target()
    target.load(site.version(2))
    half = site.container(2)
    half.update(restart_policy={"Name": "no"})  # as one that was never ready
    target.load(site.version(2))
    assert site.container(2).id != half.id
    assert target.ask(2, GOLDEN.body, 5).status == 200


def test_a_port_is_taken(engine, tmp_path):
    with site_of(engine, tmp_path) as site, socket.create_server(("127.0.0.1", 0)) as taken:
        serve = site.serve().model_copy(update={"rest_port": taken.getsockname()[1]})
        target = DockerTarget(site.model, "production", serve, site.said.append)
        with pytest.raises(UsageError) as raised:
            target.start()
        assert "serve.rest_port" in raised.value.next_step


def test_the_proxy_is_no_proxy(engine, tmp_path):
    with site_of(engine, tmp_path) as site:
        with pytest.raises(StageFailed, match="the proxy does not start") as raised:
            site.target(proxy_image=engine.base).start()
        assert "HAProxy 2.6 or newer" in raised.value.next_step


def test_there_is_no_such_network(engine, tmp_path):
    with site_of(engine, tmp_path) as site, pytest.raises(UsageError, match="cannot join the network nowhere"):
        site.target(network="nowhere").start()


def test_no_engine_answers(engine, tmp_path):
    with site_of(engine, tmp_path) as site:
        with pytest.raises(Unavailable, match="no Docker engine answers at unix:///nowhere"):
            site.target(host="unix:///nowhere").serving()
        with pytest.raises(Unavailable, match="no proxy runs"):
            site.target().ask(1, GOLDEN.body, 1)


def test_somebody_takes_away_what_is_ours(site):
    target = site.target()
    assert target.serving().stable == 1
    site.proxy().remove(force=True)
    with pytest.raises(Unavailable, match="No such container"):
        target.route(1, None, 0)
    again = site.target()
    serving = again.serving()
    assert (serving.stable, serving.rest, serving.versions[0].problem) == (None, None, "no proxy runs")
    again.start()
    assert again.serving().stable == 1
    assert predict(again.serving().rest)[0] == 200
    site.container(1).remove(force=True)
    again.load(site.version(1))
    assert predict(again.serving().rest)[0] == 200


def test_a_version_does_what_it_may_and_no_more(site):
    container = site.container(1)
    assert container.exec_run(["touch", "/etc/x"]).exit_code != 0
    assert container.exec_run(["touch", "/tmp/x"]).exit_code == 0
    status = container.exec_run(["cat", "/proc/1/status"]).output.decode()
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    assert "Uid:\t10001" in status
    [network] = container.attrs["NetworkSettings"]["Networks"]
    options = site.client.networks.get(network).attrs["Options"]
    assert options["com.docker.network.bridge.enable_ip_masquerade"] == "false"
    assert container.attrs["NetworkSettings"]["Ports"] == {}
    assert dataclasses.asdict(site.target().serving().versions[0])["image"].startswith("sha256:")
