"""A fake of the pods' network, for clusters whose nodes are simulated: a model server behind every address of a pod.

Simulated nodes give their pods addresses, and run nothing. Here one process of the machine answers at all of them,
because their whole range is routed to the loopback interface (Linux, as root); by the address that it was called at it
knows which pod it is, and keeps that one's own counters. The API server's proxy to pods then works as on real nodes.
"""

import contextlib
import ipaddress
import os
import socket
import subprocess
import threading

from tests.fakes.model_server import METRICS, Handler, Models, Refused, Server


class PodServer(Server):
    """Answers on the loopback interface, whatever the address; what it has accepted ends with it."""

    def __init__(self, port, handler):
        super().__init__(("", port), handler, bind_and_activate=False)
        self.connections = []
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        self.server_bind()
        self.server_activate()

    def process_request(self, request, client_address):
        self.connections.append(request)
        super().process_request(request, client_address)

    def server_close(self):
        super().server_close()
        for connection in self.connections:  # the API server keeps them, and the next test is another network
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class PodNetwork:
    """What answers as the pods do."""

    def __init__(self, port: int) -> None:
        self._pods: dict[str, Models] = {}
        self._said: list[dict[str, object]] = []
        self._lock = threading.Lock()
        network = self

        class PodHandler(Handler):
            metrics_path = METRICS

            @property
            def models(self):
                return network.at(self.connection.getsockname()[0])

        self._server = PodServer(port, PodHandler)

    def at(self, address: str) -> Models:
        """The server of one pod."""
        with self._lock:
            if address not in self._pods:
                self._pods[address] = Models("", None, anything=True)
                for said in self._said:
                    self._pods[address].say(dict(said))
            return self._pods[address]

    def behave(self, **fields: object) -> None:
        """Change how a version behaves in all pods: behave(version=3, fail_share=0.1)."""
        with self._lock:
            self._said.append(fields)
            pods = list(self._pods.values())
        for models in pods:
            models.say(dict(fields))

    def users_ask(self, addresses: list[str], model: str, version: int, times: int) -> int:
        """What users' requests to these pods would do to their counters; answers how many failed."""
        failed = 0
        for index in range(times):
            models, code = self.at(addresses[index % len(addresses)]), "OK"
            try:
                models.ask(model, version, b'{"instances": [1.0]}')
            except Refused as refused:
                code = refused.args[0]
                failed += 1
            models.count(model, version, ":predict", code, 0.001)
        return failed

    def restart(self, address: str) -> None:
        """The container of a pod begins anew: its counters, too."""
        with self._lock:
            self._pods.pop(address, None)

    @contextlib.contextmanager
    def running(self):
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


@contextlib.contextmanager
def routed_here(cidr: str):
    """Bring packets for these addresses to this machine's own servers, and never out of it."""
    if os.geteuid() != 0:
        raise PermissionError("addresses of pods are routed to this machine by root only")
    cidr = str(
        ipaddress.ip_network(cidr).supernet(new_prefix=16)
    )  # simulated nodes do not keep to their own part of it
    subprocess.run(["ip", "route", "replace", "local", cidr, "dev", "lo"], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "route", "del", "local", cidr, "dev", "lo"], check=False)
