"""The engines as fixtures: each starts with the first test that asks for it, and ends with the session.

With pytest-xdist every worker has its own. Tests of one engine belong to one worker: pytest.mark.xdist_group("docker").
"""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

import pytest

from tests.engines import control_plane, node, prometheus
from tests.engines import docker_engine as docker
from tests.engines import elasticsearch as elastic
from tests.engines.missing import left_out

Engine = TypeVar("Engine")


@contextlib.contextmanager
def started(running: Callable[[], AbstractContextManager[Engine]]) -> Iterator[Engine]:
    """The engine until the end of the block; a test whose engine cannot be had is left out."""
    with contextlib.ExitStack() as stack:
        with left_out():
            engine = stack.enter_context(running())
        yield engine


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[docker.DockerEngine]:
    """A Docker engine: `address`, `client` of the SDK, the images `base` and `proxy`, and `python` with our server."""
    with started(docker.running) as engine:
        yield engine


@pytest.fixture(scope="session")
def cluster() -> Iterator[control_plane.ControlPlane]:
    """A Kubernetes control plane with three simulated nodes: `kubeconfig`, `kubectl`, `restart_api_server` and more."""
    with started(control_plane.running) as plane:
        yield plane


@pytest.fixture(scope="session")
def node_cluster() -> Iterator[node.Node]:
    """The same with a real node, which runs pods: `load(image)` gives it images; it has `base`, and `python` with our server."""
    with started(node.running) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def elasticsearch() -> Iterator[elastic.Elasticsearch]:
    """A node of Elasticsearch: `ask("GET", "/_search")`."""
    with started(elastic.running) as node:
        yield node


@pytest.fixture(scope="session")
def prometheus_programs() -> dict[str, Path]:
    """The programs prometheus, promtool, prometheus-alertmanager, amtool and prometheus-pushgateway by name."""
    with left_out():
        return prometheus.programs()
    raise AssertionError("left_out ends the test")
