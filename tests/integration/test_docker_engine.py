"""The Docker engine that other tests run on: it starts containers of the images that tests make."""

import io
import tarfile
import time
import urllib.request

import pytest

from tests.engines.daemons import free_ports

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker")]
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
CONFIGURATION = """
defaults
  mode http
  timeout client 5s
  timeout connect 5s
  timeout server 5s
frontend all
  bind :8080
  http-request return status 200 content-type text/plain string "from the proxy"
"""


@pytest.fixture
def container(docker_engine):
    """Starts a container that is published on a loopback port."""
    started = []

    def start(image, port, **options):
        [published] = free_ports(1)
        ports = {f"{port}/tcp": ("127.0.0.1", published)}
        started.append(docker_engine.client.containers.create(image, ports=ports, **options))
        return started[-1], f"http://127.0.0.1:{published}"

    yield start
    for each in started:
        each.remove(force=True)


def ask(address, tries=100):
    for _ in range(tries):
        try:
            with DIRECT.open(address, timeout=5) as answer:
                return answer.read()
        except OSError as error:
            last = error
        time.sleep(0.1)
    raise last


def test_a_container_of_the_base_image_answers_on_a_loopback_port(docker_engine, container):
    server, address = container(docker_engine.base, 8000, command=["python3", "-m", "http.server", "8000"])
    server.start()
    assert b"Directory listing" in ask(address)


def test_the_proxy_starts_as_the_official_image_does(docker_engine, container):
    proxy, address = container(docker_engine.proxy, 8080)
    proxy.put_archive("/usr/local/etc/haproxy", archive("haproxy.cfg", CONFIGURATION))
    proxy.start()
    assert ask(address) == b"from the proxy"
    assert {row[0] for row in proxy.top(ps_args="-eo user,pid")["Processes"]} == {"99"}
    for command in (["bash", "-c", "exit"], ["perl", "-e", "exit"]):
        assert proxy.exec_run(command).exit_code == 0, command


def archive(name, text):
    data = text.encode()
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


def test_our_server_starts_in_the_image_with_python(docker_engine):
    command = ["python3", "-m", "jenkins_ml.server.standalone", "--help"]
    said = docker_engine.client.containers.run(
        docker_engine.python, command, remove=True, read_only=True, tmpfs={"/tmp": ""}, user="65534"
    )
    assert b"--model_base_path" in said
