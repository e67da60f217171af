"""A stand-in for TensorFlow Serving: its command line and its REST interface, without TensorFlow.

    python model_server.py --model_name M --model_base_path /models/M --rest_api_port 8501 --port 8500

It runs in containers as the server, so it is one file and needs the standard library only. Like TensorFlow Serving it
serves the highest version folder in the base path, looks for a newer one each second, and waits while there is none.
Flags that it does not know are ignored. What differs, on purpose:

- It speaks no gRPC: the port is open, and every connection to it is closed at once.
- `--rest_api_port 0` takes a free port; the line "Exporting HTTP/REST API at:localhost:PORT ..." says which.
- `--address` (default 0.0.0.0) binds another interface; tests on the machine itself give 127.0.0.1.
- SIGTERM ends it at once with 0, whatever is under way.

A prediction is the example's numbers added up, plus `answer` (see `predict`). How a version behaves stands in
`behaviour.json` in its folder; POST /behaviour changes it while it runs:

    {"version": 3, "model": "m", ...}      without a model or version: of all of them; null takes a field back
    fail_share, nan_share  0 ... 1: which answers are 500, or NaN: of 1/10 exactly every tenth
    delay_ms               before each answer
    load_seconds           how long it loads: its status is LOADING, its metadata 404
    never_ready            it loads for ever
    crash                  "start": the process ends with 134 while it loads; "after N requests": when something is asked
                           after N predictions
    answer                 a number, a list of scores, or an object of outputs by name
    latest                 with --any: the version that answers where the URL names none

GET /behaviour answers what each version was asked: {"m/3": {"requests": 10, "failed": 1, "nan": 0}}.

With `--any` one process stands for many: every model and version that a URL names exists, from its first request on;
one that crashes closes its connections without an answer, and the process goes on. The metrics take
"?model=M&version=N" there, for the part that one pod would show.
"""

import argparse
import contextlib
import gzip
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import inf, isnan, nan
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

METRICS = "/monitoring/prometheus/metrics"
LIMITS = [10 * 1.8**power for power in range(33)]  # µs
ROUTE = re.compile(
    r"/v1/models(?:/(?P<model>[^/:]+))?(?:/versions/(?P<version>\d+)|/labels/[^/:]+)?(?P<end>/metadata|:predict)?", re.I
)
STATUS = {"OK": 200, "INVALID_ARGUMENT": 400, "NOT_FOUND": 404, "INTERNAL": 500}
FIELDS = {"fail_share", "nan_share", "delay_ms", "load_seconds", "never_ready", "crash", "answer", "latest"}


class Refused(Exception):
    """An answer other than OK: its canonical code and message."""


class Crashed(Exception):
    """The version is gone; whoever asked it gets no answer."""


# --- predictions, and how they are written --------------------------------------------------------------------------
def total(value):
    """All numbers in a JSON value added up; a text counts as its length."""
    if isinstance(value, dict | list):
        return sum(map(total, value.values() if isinstance(value, dict) else value))
    return float(len(value)) if isinstance(value, str) else float(value or 0)


def predict(example, answer=0):
    """What a version predicts for one example: each number in `answer` plus the total of the example."""
    if isinstance(answer, dict):
        return {name: predict(example, each) for name, each in answer.items()}
    if isinstance(answer, list):
        return [predict(example, each) for each in answer]
    return answer + total(example)


def all_nan(value):
    if isinstance(value, dict):
        return {name: all_nan(each) for name, each in value.items()}
    return [all_nan(each) for each in value] if isinstance(value, list) else nan


def number(value):
    """A float as RapidJSON writes it for TensorFlow Serving: six digits where they say it all, nine otherwise."""
    try:
        [value] = struct.unpack("f", struct.pack("f", value))
    except OverflowError:
        value = inf if value > 0 else -inf
    if isnan(value) or value in (inf, -inf):
        return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"
    text = f"{value:.6g}"
    if struct.pack("f", float(text)) != struct.pack("f", value):
        text = f"{value:.9g}"
    return text if "." in text or "e" in text else text + ".0"


def line(value):
    return f"[{', '.join(map(line, value))}]" if isinstance(value, list) else number(value)


def rows(predictions):
    """The body for "instances"."""
    if predictions and isinstance(predictions[0], dict):
        objects = (
            ",\n".join(f"            {json.dumps(name)}: {line(value)}" for name, value in each.items())
            for each in predictions
        )
        inner = ",".join(f"\n        {{\n{text}\n        }}" for text in objects)
    else:
        inner = ", ".join(map(line, predictions))
    return f'{{\n    "predictions": [{inner}\n    ]\n}}'


def columns(value):
    """The body for "inputs": every element on a line of its own."""

    def block(value, depth):
        if not isinstance(value, list | dict):
            return number(value)
        opening, closing = "[]" if isinstance(value, list) else "{}"
        items = (
            [block(each, depth + 1) for each in value]
            if isinstance(value, list)
            else [f"{json.dumps(name)}: {block(each, depth + 1)}" for name, each in value.items()]
        )
        indent = "    " * (depth + 1)
        return opening + ",".join(f"\n{indent}{item}" for item in items) + f"\n{'    ' * depth}{closing}"

    return f'{{\n    "outputs": {block(value, 1)}\n}}'


def answer_of(document, answer, spoilt):
    """The body that answers a predict request."""
    if not isinstance(document, dict) or ("instances" in document) == ("inputs" in document):
        raise Refused("INVALID_ARGUMENT", "Missing 'inputs' or 'instances' key")
    if "instances" in document:
        examples = document["instances"]
        if not isinstance(examples, list) or not examples:
            raise Refused("INVALID_ARGUMENT", "JSON Value: [] Not formatted correctly: no values in 'instances' array")
    else:
        inputs = document["inputs"]
        parts = list(inputs.values()) if isinstance(inputs, dict) else [inputs]
        parts = [part if isinstance(part, list) else [part] for part in parts]
        examples = [list(each) for each in zip(*parts, strict=False)]
    predictions = [predict(example, answer) for example in examples]
    if spoilt:
        predictions = all_nan(predictions)
    if "instances" in document:
        return rows(predictions)
    if isinstance(answer, dict):
        return columns({name: [each[name] for each in predictions] for name in answer})
    return columns(predictions)


# --- versions -------------------------------------------------------------------------------------------------------
class Version:
    """One version of one model: how it behaves, and what it was asked."""

    def __init__(self, model, version, file=None):
        self.model, self.version = model, version
        self.file = json.loads(file.read_text()) if file is not None and file.is_file() else {}
        self.since = time.monotonic()
        self.requests = self.failed = self.nan = 0
        self.lock = threading.Lock()
        self.counts, self.latencies = {}, {}  # of the metrics

    def count(self, end, code, seconds):
        with self.lock:
            self.counts[code] = self.counts.get(code, 0) + 1
            if code == "OK":
                buckets = self.latencies.setdefault(end.strip(":") if end != "/metadata" else "", [0] * 34 + [0.0])
                microseconds = seconds * 1e6
                buckets[next((place for place, limit in enumerate(LIMITS) if microseconds <= limit), 33)] += 1
                buckets[34] += microseconds


class Models:
    """What one process serves, and what the hook says of it."""

    def __init__(self, name, base_path, anything):
        self.name, self.base_path, self.anything = name, base_path, anything
        self.versions, self.said, self.unknown = {}, {}, {}
        self.lock = threading.Lock()

    def say(self, fields):
        """Change how versions behave."""
        key = (fields.pop("model", None), fields.pop("version", None))
        if unknown := fields.keys() - FIELDS:
            raise Refused("INVALID_ARGUMENT", f"no such behaviour: {', '.join(sorted(unknown))}")
        with self.lock:
            said = {**self.said.get(key, {}), **fields}
            self.said[key] = {name: value for name, value in said.items() if value is not None}

    def behaviour(self, version):
        """How a version behaves now: its file, then what was said of all, of the model, of the number, of it alone."""
        result = dict(version.file)
        for key in ((None, None), (version.model, None), (None, version.version), (version.model, version.version)):
            result.update(self.said.get(key, {}))
        return result

    def find(self, model, number):
        """A version; None for the latest."""
        if self.anything and number is None:
            number = self.behaviour(Version(model, None)).get("latest")
        with self.lock:
            if self.anything and number is not None and (model, number) not in self.versions:
                self.versions[model, number] = Version(model, number)
            found = [each for each in self.versions.values() if each.model == model and number in (None, each.version)]
        if not found:
            which = f"Latest({model})" if number is None else f"Specific({model}, {number})"
            raise Refused("NOT_FOUND", f"Servable not found for request: {which}")
        return max(found, key=lambda each: each.version)

    def loaded(self, version, behaviour):
        """Whether it can answer; whoever asks a version that has crashed gets no answer at all."""
        crash = behaviour.get("crash") or ""
        after = re.fullmatch(r"after (\d+) requests", crash)
        if crash == "start" or (after and version.requests >= int(after[1])):
            self.crash(version)
        return not behaviour.get("never_ready") and (
            time.monotonic() - version.since >= behaviour.get("load_seconds", 0)
        )

    def crash(self, version):
        if self.anything:
            raise Crashed
        log(f"F version {version.version} of {version.model}: Check failed: behaviour.json says crash")
        os._exit(134)

    def watch(self):
        """Serve the highest version in the base path, for ever."""
        warned = False
        while True:
            found = [int(path.name) for path in self.base_path.glob("*") if path.name.isdigit() and path.is_dir()]
            latest = max(found, default=None)
            if latest is None and not warned:
                warned = True
                log(
                    f"W No versions of servable {self.name} found under base path {self.base_path}. Did you forget to "
                    "name your leaf directory as a number (eg. '/1/')?"
                )
            if latest is not None and (self.name, latest) not in self.versions:
                folder = next(
                    path for path in self.base_path.iterdir() if path.name.isdigit() and int(path.name) == latest
                )
                version = Version(self.name, latest, folder / "behaviour.json")
                with self.lock:
                    old, self.versions = self.versions, {(self.name, latest): version, **self.versions}
                while not self.loaded(version, self.behaviour(version)):
                    time.sleep(0.02)
                with self.lock:
                    self.versions = {key: each for key, each in self.versions.items() if key not in old}
                log(f"I Successfully loaded servable version {{name: {self.name} version: {latest}}}")
            time.sleep(1)

    # --- answers ----------------------------------------------------------------------------------------------------
    def ask(self, model, number, body):
        """Answer one predict request: code, body, version."""
        version = self.find(model, number)
        behaviour = self.behaviour(version)
        if not self.loaded(version, behaviour):
            raise Refused("NOT_FOUND", f"Servable not found for request: Specific({model}, {version.version})")
        with version.lock:
            version.requests += 1
            requests = version.requests
            fails = chosen(requests, behaviour.get("fail_share", 0))
            spoilt = not fails and chosen(requests, behaviour.get("nan_share", 0))
            version.failed += fails
            version.nan += spoilt
        time.sleep(behaviour.get("delay_ms", 0) / 1000)
        if fails:
            raise Refused("INTERNAL", f"behaviour.json of version {version.version} says that this request fails")
        try:
            document = json.loads(body)
        except ValueError:
            raise Refused("INVALID_ARGUMENT", "JSON Parse error: Invalid value. at offset: 0") from None
        return answer_of(document, behaviour.get("answer", 0), spoilt)

    def status(self, model, number):
        with contextlib.suppress(Refused):
            self.find(model, number)
        with self.lock:
            found = [each for each in self.versions.values() if each.model == model and number in (None, each.version)]
        if not found:
            which = "any versions" if number is None else f"version {number}"
            raise Refused("NOT_FOUND", f"Could not find {which} of model {model}")
        statuses = [
            {
                "version": str(each.version),
                "state": "AVAILABLE" if self.loaded(each, self.behaviour(each)) else "LOADING",
                "status": {"error_code": "OK", "error_message": ""},
            }
            for each in sorted(found, key=lambda each: -each.version)
        ]
        return json.dumps({"model_version_status": statuses}, indent=1) + "\n"

    def metadata(self, model, number):
        version = self.find(model, number)
        behaviour = self.behaviour(version)
        if not self.loaded(version, behaviour):
            raise Refused("NOT_FOUND", f"Servable not found for request: Specific({model}, {version.version})")

        def tensors(*names):
            shape = {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
            return {name: {"dtype": "DT_FLOAT", "tensor_shape": shape, "name": f"{name}:0"} for name in names}

        answer = behaviour.get("answer", 0)
        definition = {
            "inputs": tensors("x"),
            "outputs": tensors(*(answer if isinstance(answer, dict) else "y")),
            "method_name": "tensorflow/serving/predict",
            "defaults": {},
        }
        spec = {"name": model, "signature_name": "", "version": str(version.version)}
        definitions = {"signature_def": {"signature_def": {"serving_default": definition}}}
        return f'{{\n"model_spec":{json.dumps(spec, indent=1)},\n"metadata": {json.dumps(definitions, indent=1)}\n}}\n'

    def metrics(self, model=None, number=None):
        """As TensorFlow Serving shows them: by model, not by version."""
        counts, latencies = {}, {}
        with self.lock:
            versions = [*self.versions.values(), *([] if number else self.unknown.values())]
        for each in versions:
            if model in (None, each.model) and number in (None, each.version):
                with each.lock:
                    for code, count in each.counts.items():
                        counts[each.model, code] = counts.get((each.model, code), 0) + count
                    for api, buckets in each.latencies.items():
                        sums = latencies.setdefault((each.model, api), [0] * 34 + [0.0])
                        latencies[each.model, api] = [a + b for a, b in zip(sums, buckets, strict=True)]
        name = ":tensorflow:serving:request_count"
        lines = [f"# TYPE {name} counter"]
        lines += [f'{name}{{model_name="{each}",status="{code}"}} {n}' for (each, code), n in counts.items()]
        name = ":tensorflow:serving:request_latency"
        lines.append(f"# TYPE {name} histogram")
        for (each, api), buckets in latencies.items():
            labels = f'model_name="{each}",API="{api}",entrypoint="REST"'
            below = 0
            for count, limit in zip(buckets, [*(f"{limit:.6g}" for limit in LIMITS), "+Inf"], strict=False):
                below += count
                lines.append(f'{name}_bucket{{{labels},le="{limit}"}} {below}')
            lines += [f"{name}_sum{{{labels}}} {buckets[34]:.6g}", f"{name}_count{{{labels}}} {below}"]
        return "\n".join(lines) + "\n"

    def count(self, model, number, end, code, seconds):
        """Count one answer; those of unknown models and versions, too, as TensorFlow Serving does."""
        with self.lock:
            versions = [e for e in self.versions.values() if e.model == model and number in (None, e.version)]
            version = max(versions, key=lambda e: e.version) if versions else None
            version = version or self.unknown.setdefault(model, Version(model, None))
        version.count(end, code, seconds)


def chosen(count, share):
    """Whether the count-th is one of the share: exactly every tenth of 1/10."""
    return int(count * share + 1e-9) > int((count - 1) * share + 1e-9)


def log(text):
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


# --- the process ----------------------------------------------------------------------------------------------------
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    models: Models
    metrics_path = None

    def do_GET(self):
        self._answer()

    def do_POST(self):
        self._answer()

    def _answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        address = urlsplit(self.path)
        path = address.path
        try:
            if path == self.metrics_path:
                query = parse_qs(address.query)
                number = query.get("version")
                text = self.models.metrics(query.get("model", [None])[0], int(number[0]) if number else None)
                self._send(200, text, "text/plain")
            elif path == "/behaviour":
                self._behaviour(body)
            elif path.lower().startswith("/v1/"):
                self._model(path, body)
            else:
                self._send(404, "<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD></HTML>\n", "text/html")
        except Refused as refused:
            code, message = refused.args
            self._send(STATUS[code], f'{{\n    "error": {json.dumps(message)}\n}}')
        except Crashed:
            self.close_connection = True

    def _behaviour(self, body):
        if self.command == "POST":
            self.models.say(json.loads(body))
        with self.models.lock:
            seen = {
                f"{each.model}/{each.version}": {"requests": each.requests, "failed": each.failed, "nan": each.nan}
                for each in self.models.versions.values()
            }
        self._send(200, json.dumps(seen))

    def _model(self, path, body):
        match = ROUTE.fullmatch(path)
        predicts = self.command == "POST"
        if match is None or predicts != (match["end"] == ":predict"):
            raise Refused("INVALID_ARGUMENT", f"Malformed request: {self.command} {path}")
        if match["model"] is None:
            raise Refused("INVALID_ARGUMENT", "Missing model name in request.")
        model, number = unquote(match["model"]), None if match["version"] is None else int(match["version"])
        started, code = time.monotonic(), "OK"
        end = match["end"] or ""
        try:
            if predicts:
                text = self.models.ask(model, number, body)
            else:
                text = (self.models.metadata if end else self.models.status)(model, number)
        except Refused as refused:
            code = refused.args[0]
            raise
        finally:
            self.models.count(model, number, end, code, time.monotonic() - started)
        self._send(200, text)

    def _send(self, status, text, kind="application/json"):
        body = text.encode()
        head = f"HTTP/1.1 {status} {self.responses[status][0]}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}"
        self.wfile.write(head.encode() + b"\r\n\r\n" + body)

    def log_message(self, *_):
        """Quiet."""


class Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, *_):
        """Whoever hung up is no news."""


def metrics_path(file):
    """Where the metrics are, by a monitoring configuration in text format."""
    if file is None:
        return None
    text = Path(file).read_text()
    if not re.search(r"enable\s*:\s*true", text):
        return None
    path = re.search(r"path\s*:\s*[\"']([^\"']+)", text)
    return path[1] if path else METRICS


def close_all(listener):
    while True:
        with contextlib.suppress(OSError):
            listener.accept()[0].close()


def main():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--model_name", default=os.environ.get("MODEL_NAME", "default"))
    parser.add_argument("--model_base_path", type=Path)
    parser.add_argument("--rest_api_port", type=int, default=8501)
    parser.add_argument("--port", type=int)
    parser.add_argument("--monitoring_config_file")
    parser.add_argument("--address", default="0.0.0.0")
    parser.add_argument("--any", action="store_true")
    arguments, _ = parser.parse_known_args()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    base = arguments.model_base_path or Path(os.environ.get("MODEL_BASE_PATH", "/models")) / arguments.model_name
    Handler.models = models = Models(arguments.model_name, base, arguments.any)
    Handler.metrics_path = METRICS if arguments.any else metrics_path(arguments.monitoring_config_file)
    server = Server((arguments.address, arguments.rest_api_port), Handler)
    if arguments.port:
        grpc = socket.create_server((arguments.address, arguments.port))
        threading.Thread(target=close_all, args=(grpc,), daemon=True).start()
        log(f"I Running gRPC ModelServer at {arguments.address}:{arguments.port} ...")
    log(f"I Exporting HTTP/REST API at:localhost:{server.server_port} ...")
    if not arguments.any:
        threading.Thread(target=models.watch, daemon=True).start()
    server.serve_forever()


# --- for tests ------------------------------------------------------------------------------------------------------
class Running:
    """A process of it on the loopback interface, with the arguments given; ended at the end of the block."""

    def __init__(self, *arguments):
        command = [sys.executable, __file__, "--address", "127.0.0.1", "--rest_api_port", "0", *map(str, arguments)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.log = []
        for text in self.process.stderr:
            self.log.append(text)
            if match := re.match(r"I Exporting HTTP/REST API at:localhost:(\d+)", text):
                self.port = int(match[1])
                break
        else:
            raise AssertionError("".join(self.log))
        self.url = f"http://127.0.0.1:{self.port}"
        self.reader = threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True)
        self.reader.start()

    def behave(self, **fields):
        """Change how versions behave: behave(version=3, fail_share=0.1)."""
        urllib.request.urlopen(f"{self.url}/behaviour", json.dumps(fields).encode(), timeout=10).close()

    def seen(self):
        """What each version was asked."""
        with urllib.request.urlopen(f"{self.url}/behaviour", timeout=10) as answer:
            return json.load(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        self.reader.join(10)
        self.process.stderr.close()


if __name__ == "__main__":
    main()
