"""The life of a model, as its developers would live it: `make demo`.

Works on a copy of examples/digits in a repository of its own, with the commands that people type, and with live traffic
on the way. Everything that is shown really happens; the exit codes are checked.
"""

import argparse
import http.client
import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

from jenkins_ml.adapters import warm
from jenkins_ml.names import ENV_WARM, VERSION_HEADER
from jenkins_ml.reporting import console

EXAMPLE = Path(__file__).parent / "digits"
REQUESTS_PER_SECOND = 100
BLANK_EVERY = 4  # separator sheets: a quarter of the images in production is blank, the test split has none


class Traffic(threading.Thread):
    """Live requests at a steady rate, one in four a blank image, until stopped."""

    def __init__(self, port, images):
        super().__init__(daemon=True)
        blank = [0.0] * 64
        self.bodies = [
            json.dumps({"instances": [blank if number % BLANK_EVERY == 0 else image]})
            for number, image in enumerate(images)
        ]
        self.port, self.stopping = port, threading.Event()
        self.answers, self.failed, self.nan = {}, 0, 0

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        started, sent = time.monotonic(), 0
        while not self.stopping.is_set():
            self.ask(connection, self.bodies[sent % len(self.bodies)])
            sent += 1
            time.sleep(max(0.0, started + sent / REQUESTS_PER_SECOND - time.monotonic()))
        connection.close()

    def ask(self, connection, body):
        try:
            connection.request("POST", "/v1/models/digits:predict", body)
            answer = connection.getresponse()
            content = answer.read()
        except OSError:
            self.failed += 1
            connection.close()
            return
        version = answer.headers.get(VERSION_HEADER)
        self.answers[version] = self.answers.get(version, 0) + 1
        self.failed += answer.status != 200
        self.nan += b"NaN" in content

    def stop(self):
        self.stopping.set()
        self.join(15)


class Life:
    """The repository that the demo works in, and what has happened to it."""

    def __init__(self, folder):
        self.folder, self.rows = folder, []

    def command(self, *arguments, expect=0):
        """Run `jenkins-ml ...` as a person would; answers its standard output."""
        print(f"\n$ jenkins-ml {' '.join(arguments)}", flush=True)
        line = [sys.executable, "-m", "jenkins_ml.cli", *arguments]
        done = subprocess.run(line, cwd=self.folder, stdout=subprocess.PIPE, text=True, timeout=300, check=False)
        if done.returncode != expect:
            raise SystemExit(f"demo: exit code {done.returncode} where {expect} was expected")
        return done.stdout

    def scene(self, name, *arguments, expect=0):
        """One row of the table at the end: a command, what it ended with, and what is in production after it."""
        began = time.monotonic()
        self.command(*arguments, expect=expect)
        took = time.monotonic() - began
        production = self.production()["version"]
        self.rows.append((name, f"jenkins-ml {' '.join(arguments)}", str(expect), str(production), f"{took:.1f} s"))

    def production(self):
        line = [sys.executable, "-m", "jenkins_ml.cli", "status", "--json"]
        done = subprocess.run(line, cwd=self.folder, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
        return json.loads(done.stdout)["environments"][0]

    def change(self, file, old, new, message):
        """Edit a file and commit it."""
        path = self.folder / file
        text = path.read_text()
        if old not in text:
            raise SystemExit(f"demo: {file} does not hold {old!r}")
        path.write_text(text.replace(old, new))
        self.git("commit", "-qam", message)
        print(f"\n$ git commit -am {shlex.quote(message)}", flush=True)

    def git(self, *arguments):
        identity = ["-c", "user.name=demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *arguments], cwd=self.folder, check=True, timeout=60)


def title(text):
    print(f"\n=== {text}", flush=True)


def ask_rest(port, image):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/v1/models/digits:predict", json.dumps({"instances": [image]}))
    scores = json.loads(connection.getresponse().read())["predictions"][0]
    return int(np.argmax(scores)), max(scores)


def ask_grpc(address, image):
    import grpc

    from jenkins_ml.server import messages, tensors

    request = messages.PredictRequest()
    request.model_spec.name = "digits"
    request.inputs["pixels"].CopyFrom(tensors.to_proto(np.array([image], "float32")))
    with grpc.insecure_channel(address) as channel:
        predict = channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict",
            request_serializer=messages.PredictRequest.SerializeToString,
            response_deserializer=messages.PredictResponse.FromString,
        )
        scores = tensors.from_proto(next(iter(predict(request, timeout=10).outputs.values())))[0]
    return int(np.argmax(scores)), float(max(scores))


def live(life):
    """All scenes, in order; answers what the traffic saw."""
    title("(a) The first release: tests, training, the gate's limits, the server")
    life.scene("a  first release", "run")
    server = json.loads(life.command("server", "--json"))
    port = int(server["rest"].split(":")[2].split("/")[0])
    sys.path.insert(0, str(life.folder))
    from data import load

    images, labels, _ = load("test")
    for transport, (digit, score) in {
        "REST": ask_rest(port, images[0].tolist()),
        "gRPC": ask_grpc(server["grpc"], images[0].tolist()),
    }.items():
        print(f"asked over {transport}: it reads a {digit} (probability {score:.3f}); it is a {labels[0]}", flush=True)

    traffic = Traffic(port, images.tolist())
    traffic.start()
    try:
        title("(b) A larger network: compared with production on the same examples, then a canary")
        life.change("jenkins-ml.yaml", "hidden: 32", "hidden: 64", "Twice as many units")
        life.scene("b  better model", "run")
        report = max((life.folder / ".jenkins-ml/reports").glob("*/index.html"), key=lambda path: path.stat().st_mtime)

        title("(c) A slip in the data code shuffles the labels: the gate rejects the model")
        old = 'features, digits = (pixels[rows] / 16).astype("float32"), labels[rows]'
        new = old.replace("labels[rows]", 'labels[np.sort(rows)] if split == "train" else labels[rows]')
        life.change("data.py", old, new, "Sort the labels before use")
        life.scene("c  spoiled labels", "run", expect=3)
        life.change("data.py", new, old, 'Revert "Sort the labels before use"')

        title("(d) Each image is scaled by its brightest pixel: fine on the test split, NaN on blank images")
        scaled = "layer = pixels / keras.ops.max(pixels, axis=-1, keepdims=True)\n    layer = "
        old = '    layer = keras.layers.Dense(hidden, activation="tanh")(pixels)'
        life.change(
            "model.py",
            old,
            f'    {scaled}keras.layers.Dense(hidden, activation="tanh")(layer)',
            "Scale by the brightest pixel",
        )
        life.scene("d  fails once it serves", "run", expect=5)

        title("(e) On call: back to the version before")
        life.scene("e  rollback by hand", "rollback")
    finally:
        traffic.stop()
    return traffic, report


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, help="where to work; emptied first")
    parser.add_argument("--keep", action="store_true", help="leave the server running")
    arguments = parser.parse_args()
    folder, began = arguments.folder.resolve(), time.monotonic()
    life = Life(folder)
    if (folder / "jenkins-ml.yaml").exists():
        life.command("server", "--stop")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", ".jenkins-ml", ".pytest_cache"))
    config = folder / "jenkins-ml.yaml"
    config.write_text(config.read_text().replace("serve:\n", "serve:\n  rest_port: 0\n  grpc_port: 0\n"))
    life.git("init", "-q", "-b", "main")
    life.git("add", ".")
    life.git("commit", "-qm", "Digits")
    with warm.started() as address:  # every run of the demo forks from one process that has TensorFlow imported
        os.environ[ENV_WARM] = str(address)
        try:
            traffic, report = live(life)
        finally:
            del os.environ[ENV_WARM]
            if not arguments.keep:
                life.command("server", "--stop")
    console.table("What happened", ("scene", "command", "exit code", "production", "took"), life.rows)
    answered = ", ".join(f"version {version}: {count}" for version, count in sorted(traffic.answers.items()))
    print(
        f"live requests answered by {answered}; failed: {traffic.failed}; NaN answers from the bad canary: {traffic.nan}"
    )
    print(f"report: {report}")
    print(f"the demo took {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
