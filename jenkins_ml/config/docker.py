"""The shape of `serve.docker`: containers of versions behind a proxy, on one Docker engine."""

# No `from __future__ import annotations` here: pydantic would compile every annotation from text, at each start.

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from jenkins_ml.config import patterns
from jenkins_ml.config.section import Section, Timeout

Text = Annotated[str, Field(min_length=1)]


class DockerServing(Section):
    """One container a version behind a stock HAProxy, which balances each HTTP and gRPC request by weight."""

    host: Text | None = Field(
        default=None, description="Address of the engine, such as unix:///var/run/docker.sock; default DOCKER_HOST."
    )
    bind: Annotated[str, Field(pattern=patterns.IP_ADDRESS)] = Field(
        default="127.0.0.1",
        description="Address of the engine's machine on which the proxy answers. Loopback: nothing is open to the "
        "network unless this says so; neither interface asks who calls.",
    )
    proxy_image: Annotated[str, Field(pattern=patterns.IMAGE_REFERENCE)] = Field(
        default="haproxy:3.0",
        description="Image of the proxy: HAProxy 2.6 or newer, with bash, as the official one has.",
    )
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=0, description="Port of the proxy's own Prometheus metrics, on `bind`; 0 takes a free one."
    )
    network: Text | None = Field(
        default=None, description="A network that the proxy joins as well, so that other containers reach it by name."
    )
    cpus: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        default=None, description="CPUs that each version may take; default no limit."
    )
    memory: Annotated[str, Field(pattern=patterns.MEMORY)] | None = Field(
        default=None, description='Memory that each version may take, such as "2Gi"; default no limit.'
    )
    gpus: Annotated[int, Field(ge=-1, le=64)] = Field(
        default=0, description="GPUs that each version gets; -1 all of them. The engine needs NVIDIA's runtime."
    )
    ready_timeout: Timeout = Field(
        default=timedelta(minutes=5),
        description="Within which a version has to answer its metadata and the golden prediction.",
    )
