"""The configuration of the proxy in front of a model's containers, and the same as commands to one that runs.

Backends: `rest` and `grpc` split users' requests by weight, `pinned` and `pinned_grpc` take what names a version. A request that fails in
one version is put to the other one, once; the table `seen` says how often that was, and how long answers took: its keys
are "v3/0" (answered by version 3), "v3/1" (again by version 3, after it had failed) and "v3/+1" (by version 3, after the
other one had failed).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from jenkins_ml import names

REST_PORT: Final = 8501
GRPC_PORT: Final = 8500
METRICS_PORT: Final = 8404
# These two listen inside the proxy's container only.
DIRECT_PORT: Final = 8599
CONTROL_PORT: Final = 8598
SUMMARY: Final = "/summary"  # behind a version's path, asked directly: what its server has summarised

FOLDER: Final = "/usr/local/etc/haproxy"
CONFIGURATION: Final = "haproxy.cfg"
SAMPLER: Final = "sample.lua"
SPLIT: Final = ("rest", "grpc")  # the backends that are balanced by weight
BACKENDS: Final = (*SPLIT, "pinned", "pinned_grpc")
TABLE: Final = "seen"

BINS: Final = len(names.LATENCY_BOUNDS) + 1
FAILED: Final = BINS  # counters of the table behind those of the latencies
SLOW: Final = BINS + 1
# As the embedded server has it: what the client did wrong is no failure.
FAILURES: Final = (409, 429, 500, 502, 503, 504)
GRPC_FAILURES: Final = (2, 4, 8, 10, 13, 14, 15)

# A request whose body is longer cannot be repeated with the other version. Each connection that is busy has two of them.
_BUFFER: Final = 64 * 1024
_ANSWER_SECONDS: Final = 35  # a little longer than servers take before they give up themselves
_WHOLE: Final = 100
_MOST: Final = 256  # the largest weight of HAProxy
_VERSION_PATH: Final = "^/v1/models/[^/:]+/versions/"
_LAYOUT: Final = "# layout: "


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Who is behind the proxy.

    Args:
        servers: by version, its address in the private network.
        stable: the version in production; None before there is one.
        canary: the version that gets a share; None for none.
        weight: that share in percent.
    """

    servers: dict[int, str]
    stable: int | None = None
    canary: int | None = None
    weight: int = 0

    def weights(self) -> dict[int, int]:
        """The weight of each version, as HAProxy counts."""
        found = dict.fromkeys(self.servers, 0)
        if self.stable in found:
            found[self.stable] = _WHOLE - self.weight if self.canary is not None else _WHOLE
        if self.canary in found:
            found[self.canary] = self.weight
            if self.weight == _WHOLE and self.stable in found:
                # One of 257 stays with production: a version without weight could not answer what the canary fails to.
                found[self.canary], found[self.stable] = _MOST, 1
        return found


def name_of(version: int) -> str:
    """The name of a version's server."""
    return f"v{version}"


def server(backend: str, version: int, address: str, weight: int) -> str:
    """A version in a backend, as it stands behind `server` and behind `add server BACKEND/`."""
    check = f"check port {REST_PORT} check-proto h1 inter 2s fastinter 500ms fall 3 rise 1"
    options = {"rest": f":{REST_PORT} {check}", "grpc": f":{GRPC_PORT} proto h2 {check}", "pinned": f":{REST_PORT}"}
    options["pinned_grpc"] = f":{GRPC_PORT} proto h2"
    return f"{name_of(version)} {address}{options[backend]} weight {weight}"


def pinned_weights(layout: Layout) -> dict[int, int]:
    """In `pinned` and `pinned_grpc` a weight says who answers for a version that is not there: TensorFlow Serving's own 404."""
    answering = layout.stable if layout.stable in layout.servers else min(layout.servers, default=None)
    return {version: int(version == answering) for version in layout.servers}


def weights_in(backend: str, layout: Layout) -> dict[int, int]:
    """The weights of the versions in a backend."""
    return layout.weights() if backend in SPLIT else pinned_weights(layout)


def read_layout(configuration: str) -> Layout:
    """What `configuration` was made of; empty where it was not made here."""
    first = configuration.partition("\n")[0]
    if not first.startswith(_LAYOUT):
        return Layout(servers={})
    fields = json.loads(first.removeprefix(_LAYOUT))
    servers = {int(version): address for version, address in fields.pop("servers").items()}
    return Layout(servers=servers, **fields)


def configuration(model: str, metrics_path: str, limit_ms: float | None, layout: Layout) -> str:
    """The whole file.

    Args:
        model: the name that is served, checked by the configuration.
        metrics_path: where a version's server has its own metrics.
        limit_ms: answers that take longer count as slow, in milliseconds; None: none do.
        layout: who is behind it; the first line of the file keeps it.
    """
    fields = {
        "servers": {str(version): address for version, address in sorted(layout.servers.items())},
        "stable": layout.stable,
        "canary": layout.canary,
        "weight": layout.weight,
    }
    sections = [
        _LAYOUT + json.dumps(fields),
        "# Made by jenkins-ml, which writes it anew with every change.",
        *_common(),
        *_frontends(metrics_path),
        *_backend("rest", model, limit_ms, layout),
        *_backend("grpc", model, limit_ms, layout),
        *(line for name in BACKENDS if name not in SPLIT for line in _pinned(name, layout)),
        f"backend {TABLE}",
        f"    stick-table type string len 40 size 1k nopurge store gpc({SLOW + 1})",
    ]
    return "\n".join(sections) + "\n"


def _common() -> list[str]:
    return [
        "global",
        f"    stats socket ipv4@127.0.0.1:{CONTROL_PORT} level admin",
        "    stats timeout 1d",
        "    maxconn 8192",
        f"    tune.bufsize {_BUFFER}",
        "    hard-stop-after 60s",
        f"    lua-load {FOLDER}/{SAMPLER}",
        "defaults",
        "    mode http",
        "    timeout connect 2s",
        "    timeout client 75s",
        "    timeout http-request 30s",
        f"    timeout server {_ANSWER_SECONDS}s",
        "    timeout check 5s",
        "    timeout queue 5s",
        *(
            f"    http-error status {status} content-type application/json string "
            + '"{ \\"error\\": \\"'
            + said
            + '\\" }"'
            for status, said in (
                (502, "The version that was asked did not answer"),
                (503, "No version can answer"),
                (504, "The version that was asked did not answer in time"),
            )
        ),
    ]


def _frontends(metrics_path: str) -> list[str]:
    version = f"path,regsub({_VERSION_PATH},,i),regsub([^0-9].*,)"
    return [
        "frontend users",
        f"    bind :{REST_PORT}",
        "    option idle-close-on-response",  # no connection is closed under a request when the proxy is reloaded
        "    option http-buffer-request",
        f"    acl names_a_version path_reg -i {_VERSION_PATH}[0-9]",
        f"    http-request set-var(txn.version) {version} if names_a_version",
        "    use_backend pinned if names_a_version",
        "    default_backend rest",
        "frontend users_grpc",
        f"    bind :{GRPC_PORT} proto h2",
        "    option idle-close-on-response",
        "    option http-buffer-request",
        # Field 1 (value) of field 2 (version) of field 1 (the model's spec). The path 1.2.1 finds nothing in HAProxy 2.6.
        "    http-request set-var(txn.version) req.body,ungrpc(1),protobuf(2),protobuf(1,uint64)",
        "    use_backend pinned_grpc if { var(txn.version) -m found }",
        "    default_backend grpc",
        "frontend direct",
        f"    bind 127.0.0.1:{DIRECT_PORT}",
        "    timeout client 1d",
        "    timeout http-keep-alive 1d",
        f"    http-request set-var(txn.version) {version}",
        f"    http-request set-path {names.SUMMARY_PATH} if {{ path_end {SUMMARY} }}",
        "    use_backend pinned",
        "frontend metrics",
        f"    bind :{METRICS_PORT}",
        "    http-request use-service prometheus-exporter if { path /metrics }",
        "    acl of_a_version path_reg ^/versions/[0-9]+/metrics$",
        "    http-request set-var(txn.version) path,field(3,/) if of_a_version",
        f"    http-request set-path {metrics_path} if of_a_version",
        "    use_backend pinned if { var(txn.version) -m found }",  # the path is another by now
    ]


def _backend(name: str, model: str, limit_ms: float | None, layout: Layout) -> list[str]:
    failures = (
        "{ status " + " ".join(map(str, FAILURES)) + " }"
        if name == "rest"
        else "{ res.hdr(grpc-status) -m str " + " ".join(map(str, GRPC_FAILURES)) + " } || { status ge 500 }"
    )
    predictions = "-i :predict :classify :regress" if name == "rest" else "/Predict /Classify /Regress /MultiInference"
    return [
        f"backend {name}",
        "    balance roundrobin",
        "    option redispatch 1",
        "    retries 1",
        # 404: as a server answers that was started again, and loads.
        "    retry-on conn-failure empty-response junk-response response-timeout 404 500 502 503 504",
        "    option httpchk",
        f"    http-check send meth GET uri-lf /v1/models/{model}/versions/%[srv_name,regsub(^v,)]/metadata",
        "    http-check expect status 200",
        "    http-request set-var(txn.began) date(0,us)",
        f"    http-request set-var(txn.counted) bool(true) if METH_POST {{ path_end {predictions} }}",
        *(["    http-request lua.jenkins_ml_sample if METH_POST { path_end -i :predict }"] if name == "rest" else []),
        "    http-response set-var(txn.took) date(0,us),sub(txn.began)",
        "    http-response set-var-fmt(txn.answered) %s/%rc",
        # What no version has is the client's mistake, whoever was asked first.
        f"    http-response track-sc0 var(txn.answered) table {TABLE} if {{ var(txn.counted) -m bool }} !{{ status 404 }}",
        *(
            f"    http-response sc-inc-gpc({index},0) if {{ var(txn.took) -m int {low}:{high} }}"
            for index, (low, high) in enumerate(_bins())
        ),
        f"    http-response sc-inc-gpc({FAILED},0) if {failures}",
        *(
            [f"    http-response sc-inc-gpc({SLOW},0) if {{ var(txn.took) -m int gt {round(limit_ms * 1000)} }}"]
            if limit_ms is not None
            else []
        ),
        *_servers(name, layout),
    ]


def _pinned(name: str, layout: Layout) -> list[str]:
    return [
        f"backend {name}",
        "    balance roundrobin",
        "    force-persist if TRUE",
        "    use-server v%[var(txn.version)] if { var(txn.version) -m found }",
        *_servers(name, layout),
    ]


def _bins() -> list[tuple[int, int]]:
    """The lowest and highest microsecond of each bucket."""
    edges = [-1, *(round(bound * 1_000_000) for bound in names.LATENCY_BOUNDS), 2**62]
    return [(low + 1, high) for low, high in pairwise(edges)]


def _servers(backend: str, layout: Layout) -> list[str]:
    weights = weights_in(backend, layout)
    return [
        f"    server {server(backend, version, address, weights[version])}"
        for version, address in sorted(layout.servers.items())
    ]
