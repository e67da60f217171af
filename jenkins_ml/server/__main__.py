"""The process: python -m jenkins_ml.server --model NAME --environment NAME --rest-port N --grpc-port N --state FILE.

It holds FILE.lock for life, binds both ports on the loopback interface, imports TensorFlow, and then writes FILE:
whoever can read it finds the ports and the admin token there. It starts without versions; whoever starts it loads them.
It ends after POST /stop or SIGTERM, when the requests under way have been answered. It exits with 0, or with 6 when the
lock or a port is taken.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from jenkins_ml import __version__
from jenkins_ml.adapters import clock, files, saved_model
from jenkins_ml.adapters.local_server import lock_file
from jenkins_ml.errors import JenkinsMLError, Unavailable
from jenkins_ml.server.listening import LOOPBACK, http_server, listen

if TYPE_CHECKING:
    from jenkins_ml.server.admin import Identity

# A client looks whether the lock is held by taking it for a moment.
_LOCK_WAIT_SECONDS = 2.0


def main(argv: list[str] | None = None) -> int:
    """Run the server until it is stopped; answers the exit code."""
    parser = argparse.ArgumentParser(prog="python -m jenkins_ml.server", description="The embedded model server.")
    parser.add_argument("--model", required=True, help="name of the model")
    parser.add_argument("--environment", required=True, help="name of what is served")
    parser.add_argument("--rest-port", required=True, type=int, help="loopback port for REST; 0: a free one")
    parser.add_argument("--grpc-port", required=True, type=int, help="loopback port for gRPC; 0: a free one")
    parser.add_argument("--logs", type=Path, help="folder that is logged to for machines; without it none is")
    parser.add_argument("--answers", type=Path, help="folder where what was predicted is kept by request id")
    parser.add_argument("--answers-share", type=float, default=1.0, help="the share of requests that this is about")
    parser.add_argument("--state", required=True, type=Path, help="file that tells where the server is")
    arguments = parser.parse_args(argv)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO, stream=sys.stderr)
    state: Path = arguments.state
    try:
        with _only_one(state), listen(LOOPBACK, arguments.rest_port, "serve.rest_port") as listener:
            asyncio.run(_serve(arguments, listener))
    except JenkinsMLError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


@contextlib.contextmanager
def _only_one(state: Path) -> Iterator[None]:
    """Hold the lock of a state file; what a server that was killed left in the file is removed."""
    try:
        with files.lock(lock_file(state), str(os.getpid()), _LOCK_WAIT_SECONDS):
            state.unlink(missing_ok=True)
            yield
    except files.Locked as error:
        raise Unavailable(f"a server for {state} runs already: process {error.holder}", "stop it, or use it") from error


async def _serve(arguments: argparse.Namespace, listener: socket.socket) -> None:
    from jenkins_ml.server.admin import Admin, Identity
    from jenkins_ml.server.answer_keeper import AnswerKeeper
    from jenkins_ml.server.app import make_app
    from jenkins_ml.server.dataplane import DRAIN_SECONDS, DataPlane
    from jenkins_ml.server.grpc_api import make_server
    from jenkins_ml.server.logs import into_file, request_log
    from jenkins_ml.server.metrics import Metrics

    model, environment, state, logs = arguments.model, arguments.environment, arguments.state, arguments.logs
    metrics = Metrics(model)
    plane = DataPlane(model, saved_model.load, metrics.observe)
    writer, requests = (
        (None, None) if logs is None else request_log(model, environment, into_file(logs, model, environment))
    )
    answers = (
        None
        if arguments.answers is None
        else AnswerKeeper(arguments.answers, model, environment, arguments.answers_share)
    )
    grpc_server, grpc_port = make_server(plane, arguments.grpc_port, log=requests, answers=answers)
    saved_model.import_tensorflow()
    identity = Identity(
        environment=environment,
        rest_port=listener.getsockname()[1],
        grpc_port=grpc_port,
        token=secrets.token_urlsafe(32),
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    http = http_server(
        make_app(plane, metrics, Admin(plane, identity, stop, requests).routes(), requests, answers), DRAIN_SECONDS
    )
    answering = asyncio.create_task(http.serve([listener]))
    await grpc_server.start()
    _write(state, model, identity)
    logging.info("serving %s: REST on port %d, gRPC on port %d", model, identity.rest_port, grpc_port)
    await asyncio.wait((answering, asyncio.create_task(stop.wait())), return_when=asyncio.FIRST_COMPLETED)
    logging.info("stopping")
    state.unlink(missing_ok=True)  # first of all, so that nobody finds a server that is about to end
    http.should_exit = True
    await asyncio.gather(answering, grpc_server.stop(DRAIN_SECONDS))
    for each in (writer, answers):
        if each is not None:
            each.close()


def _write(state: Path, model: str, identity: Identity) -> None:
    value = {
        "model": model,
        "pid": os.getpid(),
        "host": socket.gethostname(),  # it answers on the loopback interface of this machine only
        "rest_port": identity.rest_port,
        "grpc_port": identity.grpc_port,
        "token": identity.token,
        "started": clock.now(),
        "package_version": __version__,
    }
    files.write_atomic(state, json.dumps(value).encode(), mode=0o600)


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # a model that hangs must not keep the process: its thread cannot be ended
