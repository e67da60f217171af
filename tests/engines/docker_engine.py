"""A Docker engine: the one that DOCKER_HOST or the default socket reaches, else one of our own (Linux, root, `dockerd`).

Our own one keeps its images in the cache between runs, and nothing else: containers, networks and volumes that a run
left behind go at the next start. It touches no firewall rule, so that several engines, and a node of Kubernetes, can run
on one machine; its containers reach each other and this machine, and nothing outside.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tests.engines import cache, images
from tests.engines.archives import LABEL, Image
from tests.engines.daemons import Daemon
from tests.engines.missing import MissingPart, left_out, need

if TYPE_CHECKING:
    import docker

DEFAULT_SOCKET = Path("/var/run/docker.sock")
# Each with its own images: so many runs at once have an engine of their own.
SLOTS = 4
# Of RFC 5737, for documentation: nobody's network, in four parts.
BRIDGE_ADDRESS = "198.51.100.{}/26"
IMAGES: dict[str, Callable[[], Image]] = {
    images.BASE: images.base,
    images.PROXY: images.proxy,
    images.PYTHON: images.python,
}


class DockerEngine:
    """`address` as DOCKER_HOST takes it; `client` of the Docker SDK, for the administrator's side of tests."""

    base, proxy = images.BASE, images.PROXY

    def __init__(self, address: str) -> None:
        import docker

        self.address = address
        self.client: docker.DockerClient = docker.DockerClient(base_url=address, timeout=120)
        self._had: set[str] = set()

    def image(self, name: str) -> str:
        """The name again, of one of images.BASE, PROXY and PYTHON that the engine has now, as this checkout makes it."""
        if name not in self._had:
            image = IMAGES[name]()
            if not self._has(image):
                self._build_python(image) if name == images.PYTHON else self._load(image)
            self._had.add(name)
        return name

    @property
    def python(self) -> str:
        """The image in which our server runs; it takes half a minute when the engine does not have it."""
        with left_out():
            return self.image(images.PYTHON)

    def _has(self, image: Image) -> bool:
        from docker.errors import ImageNotFound

        try:
            return self.client.images.get(image.name).labels.get(LABEL) == image.made_of
        except ImageNotFound:
            return False

    def _load(self, image: Image) -> None:
        list(self.client.images.load(image.archive()))

    def _build_python(self, image: Image) -> None:
        """Put our layer on the others, which are large and change rarely."""
        if not self._has(below := images.packages()):
            self._load(below)
        dockerfile = f"FROM {below.name}\nADD ours.tar /\n".encode()
        context = io.BytesIO()
        with tarfile.open(fileobj=context, mode="w") as tar:
            tar.add(image.layers[-1].path, "ours.tar")
            info = tarfile.TarInfo("Dockerfile")
            info.size = len(dockerfile)
            tar.addfile(info, io.BytesIO(dockerfile))
        context.seek(0)
        self.client.images.build(
            fileobj=context, custom_context=True, tag=image.name, labels={LABEL: image.made_of}, rm=True
        )

    def clear(self) -> None:
        """Remove every container, network and volume, and images that have no name any more."""
        from docker.errors import APIError, NotFound

        for container in self.client.containers.list(all=True, ignore_removed=True):
            with contextlib.suppress(NotFound, APIError):
                container.remove(force=True, v=True)
        self.client.networks.prune()
        for volume in self.client.volumes.list():
            with contextlib.suppress(NotFound, APIError):
                volume.remove(force=True)
        self.client.images.prune({"dangling": True})


@contextlib.contextmanager
def running() -> Iterator[DockerEngine]:
    """The engine that is there, or our own one until the end of the block; with the base and the proxy's image.

    Raises MissingPart when there is none and none can be started.
    """
    with contextlib.ExitStack() as stack:
        address = there()
        engine = DockerEngine(address) if address else stack.enter_context(own())
        stack.callback(engine.client.close)
        engine.image(images.BASE)
        engine.image(images.PROXY)
        yield engine


def there() -> str | None:
    """The address of an engine that somebody else runs; raises MissingPart when DOCKER_HOST names one that does not answer."""
    import docker

    named = os.environ.get("DOCKER_HOST")
    if not named and not DEFAULT_SOCKET.exists():
        return None
    address = named or f"unix://{DEFAULT_SOCKET}"
    try:
        with contextlib.closing(docker.DockerClient(base_url=address, timeout=10)) as client:
            client.ping()
    except (docker.errors.DockerException, OSError) as error:
        if named:
            raise MissingPart(f"DOCKER_HOST names an engine that does not answer: {error}") from error
        return None
    return address


@contextlib.contextmanager
def own(socket: Path | None = None) -> Iterator[DockerEngine]:
    """An engine of our own until the end of the block, empty but for images.

    Args:
        socket: where it listens; default a temporary folder.
    """
    need("dockerd", "containerd", "runc", "ip", "setpriv", root=True)
    with contextlib.ExitStack() as stack:
        slot, lock = stack.enter_context(_slot())
        # A short path: the name of a socket has at most 107 characters.
        folder = stack.enter_context(cache.scratch("jenkins-ml-docker-"))
        bridge = stack.enter_context(_bridge(slot))
        socket = socket or folder / "docker.sock"
        command = [
            "dockerd",
            f"--host=unix://{socket}",
            f"--data-root={cache.root() / f'docker-{slot}' / 'data'}",
            f"--exec-root={folder / 'exec'}",
            f"--pidfile={folder / 'pid'}",
            f"--bridge={bridge}",
            *("--storage-driver=overlay2", "--iptables=false", "--ip6tables=false"),
            *("--ip-forward=false", "--ip-masq=false"),
        ]
        # The lock goes with the engine: when we are killed, nobody takes its images before it has ended.
        daemon = Daemon(command, folder / "log", pass_fds=[lock], orphaned="TERM")
        stack.callback(daemon.stop)
        daemon.wait_until("the Docker engine", lambda: "API listen on" in daemon.log.read_text(errors="replace"))
        engine = DockerEngine(f"unix://{socket}")
        engine.clear()
        try:
            yield engine
        finally:
            engine.clear()


@contextlib.contextmanager
def _slot() -> Iterator[tuple[int, int]]:
    """The number of an engine that nobody runs, and the file descriptor that says so to others."""
    for slot in range(SLOTS):
        folder = cache.root() / f"docker-{slot}"
        folder.mkdir(exist_ok=True)
        with (folder / "lock").open("a") as file, contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield slot, file.fileno()
            return
    raise MissingPart(f"needs one of {SLOTS} engines; all of them are running for others")


@contextlib.contextmanager
def _bridge(slot: int) -> Iterator[str]:
    """The bridge that containers without a network of their own are on."""
    name = f"jml-docker{slot}"
    ip = shutil.which("ip") or "ip"
    subprocess.run([ip, "link", "add", name, "type", "bridge"], capture_output=True, check=False)
    subprocess.run([ip, "address", "replace", BRIDGE_ADDRESS.format(slot * 64 + 1), "dev", name], check=True)
    subprocess.run([ip, "link", "set", name, "up"], check=True)
    try:
        yield name
    finally:
        subprocess.run([ip, "link", "delete", name], check=False)
