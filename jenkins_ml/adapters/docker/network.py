"""The private network of an environment, and who has which address in it.

Addresses are fixed: a container that is started again, by itself or with the machine, is where the proxy knows it. An
engine takes fixed addresses only in a range that was given to it, so it is asked for a range first, and then given that.
Packets from the network leave the machine with no address that could be answered: versions reach nothing outside.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from jenkins_ml.adapters.docker.engine import Engine, Object, translated
from jenkins_ml.adapters.docker.place import Place
from jenkins_ml.errors import StageFailed

ROLE: Final = "network"
_TRIES: Final = 3
_OPTIONS: Final = {"com.docker.network.bridge.enable_ip_masquerade": "false"}


@dataclass(frozen=True)
class Network:
    """The network of an environment.

    Args:
        id: by which the engine has it.
        name: of it.
        fixed: addresses that are given out by us, the proxy's first; the engine takes others for strangers.
    """

    id: str
    name: str
    fixed: ipaddress.IPv4Network

    @property
    def proxy(self) -> str:
        """The address of the proxy."""
        return str(self.fixed[2])

    def free(self, containers: Iterable[Object]) -> str:
        """An address that none of these containers has.

        Raises:
            StageFailed: there is none.
        """
        taken = {address(container, self.name) for container in containers}
        for candidate in self.fixed.hosts():
            if candidate > self.fixed[2] and str(candidate) not in taken:
                return str(candidate)
        raise StageFailed(
            f"network {self.name} has no addresses left", "take versions out that are not needed any more"
        )


def address(container: Object, network: str) -> str | None:
    """The fixed address of a container in a network; the container as it is listed, running or not."""
    settings = ((container.get("NetworkSettings") or {}).get("Networks") or {}).get(network) or {}
    return (settings.get("IPAMConfig") or {}).get("IPv4Address") or settings.get("IPAddress") or None


def find(engine: Engine, place: Place) -> Network | None:
    """The network, where it is there."""
    with translated("look for the network"):
        for found in engine.api.networks(filters=place.filters(ROLE)):
            for pool in found["IPAM"]["Config"] or ():
                if pool.get("IPRange"):
                    return Network(found["Id"], found["Name"], next(ipaddress.ip_network(pool["Subnet"]).subnets()))
    return None


def ensure(engine: Engine, place: Place) -> Network:
    """The network, made where it is not there. One that was half made is made anew."""
    found = find(engine, place)
    if found is not None:
        return found
    with translated("make a network"):
        for tries_left in reversed(range(_TRIES)):
            remove(engine, place)
            subnet = ipaddress.ip_network(_probe(engine, place))
            try:
                _make(engine, place, str(subnet), str(list(subnet.subnets())[1]))
                break
            except StageFailed:
                if not tries_left:  # somebody was quicker, each time
                    raise
    made = find(engine, place)
    if made is None:
        raise StageFailed("the engine does not show the network that it has made", "run it again")
    return made


def remove(engine: Engine, place: Place) -> list[str]:
    """Remove the network; answers the names of what was removed."""
    from docker import errors

    removed = []
    with translated("remove the network"):
        for found in engine.api.networks(filters=place.filters(ROLE)):
            try:
                engine.api.remove_network(found["Id"])
            except errors.NotFound:
                continue
            removed.append(found["Name"])
    return removed


def _probe(engine: Engine, place: Place) -> str:
    """A range of addresses that the engine has free."""
    name = place.name
    made = engine.api.create_network(name, driver="bridge", check_duplicate=True, labels=place.labels(ROLE))
    try:
        return str(engine.api.inspect_network(made["Id"])["IPAM"]["Config"][0]["Subnet"])
    finally:
        engine.api.remove_network(made["Id"])


def _make(engine: Engine, place: Place, subnet: str, dynamic: str) -> None:
    from docker.types import IPAMConfig, IPAMPool

    with translated("make a network"):
        engine.api.create_network(
            place.name,
            driver="bridge",
            check_duplicate=True,
            labels=place.labels(ROLE),
            options=_OPTIONS,
            ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=subnet, iprange=dynamic)]),
        )
