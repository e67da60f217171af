"""The private network of one environment."""

from __future__ import annotations

from typing import Any, Final

from jenkins_ml.adapters.docker.connection import translated
from jenkins_ml.adapters.docker.shapes import PROXY, Shapes

_PROBE: Final = "jenkins-ml.io/probe"  # label of a network that is only there to find out which range is free
# Versions reach nothing outside: what they send has no address that could be answered.
_OPTIONS: Final = {"com.docker.network.bridge.enable_ip_masquerade": "false"}
_ATTEMPTS: Final = 5  # another network may take that range in between


def ensure(client: Any, shapes: Shapes) -> tuple[str, str]:
    """The network, made where it is not there: its range of addresses, and the engine's own among them.

    Engines give fixed addresses only in a network whose range they were told. So it is made twice: once to learn which
    range is free.
    """
    from docker.errors import APIError

    labels = shapes.labels(PROXY)
    with translated("making the network"):
        for attempt in range(_ATTEMPTS):
            for found in client.api.networks(filters=shapes.selector()):
                if _PROBE not in (found["Labels"] or {}):
                    [pool] = found["IPAM"]["Config"]
                    return pool["Subnet"], pool["Gateway"]
                client.api.remove_network(found["Id"])  # of a deployer that died
            made = client.api.create_network(shapes.name, driver="bridge", labels={**labels, _PROBE: ""})
            found = client.api.inspect_network(made["Id"])["IPAM"]["Config"][0]
            client.api.remove_network(made["Id"])
            pool = {"Subnet": found["Subnet"], "Gateway": found["Gateway"]}
            ipam = {"Driver": "default", "Config": [pool]}
            try:
                client.api.create_network(shapes.name, driver="bridge", labels=labels, options=_OPTIONS, ipam=ipam)
            except APIError as error:
                if "overlaps" not in str(error) or attempt == _ATTEMPTS - 1:
                    raise
            else:
                return pool["Subnet"], pool["Gateway"]
    raise AssertionError("the last attempt returns or raises")
