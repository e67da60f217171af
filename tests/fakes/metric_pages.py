"""A fake of served models: only their pages of metrics, whose counters grow as if users asked all the time.

Our server's page is made by its own code, TensorFlow Serving's by what the real one writes (which knows no version).
"""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

from jenkins_ml.core.monitoring.series import TF_BOUNDS, TF_LATENCY, TF_REQUESTS
from jenkins_ml.server.dataplane import Attempt
from jenkins_ml.server.metrics import Metrics
from jenkins_ml.server.status import Code


@dataclass(frozen=True)
class Traffic:
    """What users get from one version, in requests a second.

    Args:
        well: answered well.
        failed: failed by the server's fault.
        nan: of those answered, with NaN in them.
        seconds: how long an answer takes.
    """

    well: int
    failed: int = 0
    nan: int = 0
    seconds: float = 0.02


class OurServer:
    """The page of our server: all versions of a model on one.

    Args:
        model: its name.
        versions: what each version answers.
    """

    def __init__(self, model: str, versions: Mapping[int, Traffic]) -> None:
        self._metrics, self._versions, self._told = Metrics(model), versions, 0
        self._started = time.monotonic()
        states = {
            number: SimpleNamespace(number=number, state="AVAILABLE", loaded_at=time.time()) for number in versions
        }
        self._plane = SimpleNamespace(versions=states, weight_of=lambda _number: 100 / len(versions))

    def page(self) -> bytes:
        """All that was answered until now."""
        while self._told < time.monotonic() - self._started:
            self._told += 1
            for version, each in self._versions.items():
                for number in range(each.well):
                    self._metrics.observe(Attempt(version, Code.OK, each.seconds, number < each.nan))
                for _ in range(each.failed):
                    self._metrics.observe(Attempt(version, Code.INTERNAL, each.seconds, False))
        return self._metrics.text(self._plane)


class TensorFlowServing:
    """The page of a server of TensorFlow Serving: one version, whose number it does not tell.

    Args:
        model: its name.
        traffic: what it answers.
    """

    def __init__(self, model: str, traffic: Traffic) -> None:
        self._model, self._traffic, self._started = model, traffic, time.monotonic()

    def page(self) -> bytes:
        """All that was answered until now."""
        seconds = int(time.monotonic() - self._started) + 1
        well, failed, taken = self._traffic.well * seconds, self._traffic.failed * seconds, self._traffic.seconds * 1e6
        name = f'model_name="{self._model}"'
        interface = f'{{{name},API="predict",entrypoint="REST"'
        lines = [
            f"# TYPE {TF_REQUESTS} counter",
            f'{TF_REQUESTS}{{{name},status="OK"}} {well}',
            f'{TF_REQUESTS}{{{name},status="INTERNAL"}} {failed}',
            f"# TYPE {TF_LATENCY} histogram",
            *(f'{TF_LATENCY}_bucket{interface},le="{bound:g}"}} {well * (taken <= bound)}' for bound in TF_BOUNDS),
            f'{TF_LATENCY}_bucket{interface},le="+Inf"}} {well}',
            f"{TF_LATENCY}_sum{interface}}} {well * taken:g}",
            f"{TF_LATENCY}_count{interface}}} {well}",
        ]
        return "".join(f"{line}\n" for line in lines).encode()


@contextlib.contextmanager
def shown(pages: Mapping[str, OurServer | TensorFlowServing]) -> Iterator[str]:
    """Show pages by their paths until the end of the block; gives host and port."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with lock:
                body = pages[self.path].page()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
