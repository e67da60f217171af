"""How the API server is reached: the official client's configuration, credentials and connections.

Its generated classes are not used: objects go in and come out as plain JSON, as rendering/kubernetes makes them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jenkins_ml.errors import UsageError

CONNECT_SECONDS: Final = 10.0
_PARALLEL: Final = 16  # connections that are kept


class Broken(Exception):
    """A request that got no answer; its text says why."""


class Connection:
    """Connections to one API server, and who we are there. May be used from any thread.

    Args:
        configuration: the official client's, with host, certificates and credentials in it.
    """

    def __init__(self, configuration: Any) -> None:
        from kubernetes import client

        configuration.connection_pool_maxsize = _PARALLEL
        self._configuration = configuration
        self._pools = client.ApiClient(configuration).rest_client.pool_manager
        self._lock = threading.Lock()
        self.server: str = configuration.host
        self.requests = 0

    def send(
        self, method: str, target: str, body: bytes | None, headers: Mapping[str, str], seconds: float, *, stream: bool
    ) -> Any:
        """Send one request, once.

        Args:
            method: such as "GET".
            target: path and query.
            body: what is sent.
            headers: beside those that say who we are.
            seconds: for each read of the answer.
            stream: whether to answer before the body has come.

        Returns:
            urllib3's answer.

        Raises:
            Broken: there is none.
        """
        import urllib3

        with self._lock:  # credentials that run out are fetched anew, by one thread
            self.requests += 1
            signs = {
                setting["key"]: setting["value"]
                for setting in self._configuration.auth_settings().values()
                if setting["in"] == "header" and setting["value"]
            }
        try:
            return self._pools.request(
                method,
                self.server + target,
                body=body,
                headers={"Accept": "application/json", "User-Agent": "jenkins-ml", **headers, **signs},
                timeout=urllib3.Timeout(connect=min(seconds, CONNECT_SECONDS), read=seconds),
                retries=False,
                preload_content=not stream,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Broken(_reason(error)) from error


def connect(context: str | None) -> Connection:
    """Reach the cluster of a context of the kubeconfig.

    Args:
        context: None for the current one; where there is no kubeconfig, the account of the pod that we run in.

    Raises:
        UsageError: there is no such context, or neither a kubeconfig nor an account.
    """
    from kubernetes import client, config

    configuration = client.Configuration()
    untyped: Any = config  # its functions have no types
    try:
        if context is None and not _has_kubeconfig():
            untyped.load_incluster_config(client_configuration=configuration)
        else:
            # The client reads KUBECONFIG only when it is imported.
            file = os.environ.get("KUBECONFIG") or None
            untyped.load_kube_config(config_file=file, context=context, client_configuration=configuration)
    except config.ConfigException as error:
        named = f" context {context}" if context is not None else ""
        raise UsageError(
            f"there is no way to a cluster{named}: {error}",
            "set KUBECONFIG, or `serve.kubernetes.context` to a context of it, or run in a pod with an account",
        ) from error
    return Connection(configuration)


def _has_kubeconfig() -> bool:
    given = os.environ.get("KUBECONFIG", "")
    files = given.split(os.pathsep) if given else [str(Path.home() / ".kube" / "config")]
    return any(Path(file).is_file() for file in files if file)


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(getattr(error, "reason", None), Exception) else error  # type: ignore[attr-defined]
    return f"{type(cause).__name__}: {cause}"
