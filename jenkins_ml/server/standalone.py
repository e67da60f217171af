"""The server as the process of a container: one version of one model, on TensorFlow Serving's command line.

    python -m jenkins_ml.server.standalone --model_name M --model_base_path /models/M --port 8500 --rest_api_port 8501

It is the embedded server without what a deployer on the same machine needs: no admin interface and no state file. Where
JENKINS_ML_SAMPLE_TOKEN_FILE names a file with a token, whoever has that token can take a sample of users' requests, and read
their summary (see sample_api.py), and nothing else.

It loads the version that lies in the base path, and answers 404 until it is ready, as TensorFlow Serving does; ask for
the metadata of the version to know. /metrics is the embedded server's. The file system may be read-only but for a
folder for temporary files, which TensorFlow needs when it loads a model: /tmp, or what TMPDIR names.

It ends after SIGTERM, when the requests under way have been answered. It exits with 0, with 2 when it was called in a
way that cannot work, with 6 when a port is taken, and with 7 when the version cannot be loaded.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jenkins_ml import names
from jenkins_ml.adapters import files, saved_model
from jenkins_ml.core.origin import Origin
from jenkins_ml.errors import JenkinsMLError, UsageError
from jenkins_ml.server.listening import http_server, listen

if TYPE_CHECKING:
    from jenkins_ml.server.line_writer import LineWriter
    from jenkins_ml.server.request_log import RequestLog

# Arguments of TensorFlow Serving that are taken and do nothing. Threads are per version here, metrics are always there,
# no folder is looked at twice, and every version is warmed up.
IGNORED: Final = (
    "--enable_model_warmup",
    "--file_system_poll_wait_seconds",
    "--grpc_max_threads",
    "--monitoring_config_file",
    "--num_load_threads",
    "--num_unload_threads",
    "--rest_api_num_threads",
    "--tensorflow_inter_op_parallelism",
    "--tensorflow_intra_op_parallelism",
    "--tensorflow_session_parallelism",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the process serves, and where.

    Args:
        model: the model's name.
        version: the one that is served.
        path: the folder of its files.
        address: of the interface that is listened on.
        grpc_port: 0 takes a free one.
        rest_port: 0 takes a free one.
        deadline_seconds: within which a request is answered.
        sample_token: the file with the token of who may take a sample of users' requests; None: nobody may.
        ecs: whether standard error is a log for machines.
        environment: that is served, for that log; None where it is not known.
        origin: where the version comes from, for that log.
    """

    model: str
    version: int
    path: Path
    address: str
    grpc_port: int
    rest_port: int
    deadline_seconds: float
    sample_token: Path | None = None
    ecs: bool = False
    environment: str | None = None
    origin: Origin = field(default_factory=Origin)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server until it is stopped; answers the exit code."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO, stream=sys.stderr)
    # Why a version cannot be loaded is said in one line at the end.
    logging.getLogger("jenkins_ml.server.dataplane").addFilter(lambda record: not record.exc_info)
    try:
        options = parse(sys.argv[1:] if argv is None else argv, os.environ)
        _check_temporary()
        with listen(options.address, options.rest_port, "--rest_api_port") as listener:
            asyncio.run(_serve(options, listener))
    except JenkinsMLError as error:
        sys.stderr.write(f"{error.what}; {error.next_step}\n" if error.next_step else f"{error.what}\n")
        return error.exit_code
    return 0


def parse(argv: Sequence[str], environment: Mapping[str, str]) -> Options:
    """What the command line asks for.

    Args:
        argv: the arguments.
        environment: MODEL_NAME and MODEL_BASE_PATH say what the arguments do not, as in TensorFlow Serving's image:
            the model lies in $MODEL_BASE_PATH/$MODEL_NAME. JENKINS_ML_SAMPLE_TOKEN_FILE is a setting that it has not,
            and JENKINS_ML_ORIGIN_... and JENKINS_ML_ENVIRONMENT are what the log tells; as variables, images of other
            servers take no notice of them.

    Raises:
        UsageError: an argument has no meaning here, or the folder holds no version, or several.
    """
    given, others = _parser().parse_known_args(argv)
    if others:
        raise UsageError(
            f"{others[0].partition('=')[0]} has no meaning for this server",
            "take it out of serve.server.arguments, or use an image of TensorFlow Serving",
        )
    model = given.model_name or environment.get("MODEL_NAME") or "model"
    base = given.model_base_path or Path(environment.get("MODEL_BASE_PATH") or "/models") / model
    version, path = _version(base, given.version)
    token_file = environment.get(names.ENV_SAMPLE_TOKEN_FILE)
    return Options(
        model=model,
        version=version,
        path=path,
        address=given.address,
        grpc_port=given.port,
        rest_port=given.rest_api_port,
        deadline_seconds=given.rest_api_timeout_in_ms / 1000,
        sample_token=Path(token_file) if token_file else None,
        ecs=given.log_format == "ecs",
        environment=environment.get(names.ENV_SERVED),
        origin=Origin.read(environment),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jenkins_ml.server.standalone",
        description="Serve one version of a model, as the process of a container.",
        epilog=f"Taken for TensorFlow Serving's sake, without effect: {', '.join(IGNORED)}.",
        allow_abbrev=False,
    )
    parser.add_argument("--model_name", help="name of the model; default $MODEL_NAME, or 'model'")
    parser.add_argument(
        "--model_base_path",
        type=Path,
        help="folder with the version in a folder named by its number; default $MODEL_BASE_PATH/name, or /models/name",
    )
    parser.add_argument("--version", type=int, help="the version; needed where the base path holds several")
    parser.add_argument("--port", type=int, default=8500, help="port for gRPC, default 8500; 0: a free one")
    parser.add_argument("--rest_api_port", type=int, default=8501, help="port for REST, default 8501; 0: a free one")
    parser.add_argument(
        "--rest_api_timeout_in_ms", type=int, default=30_000, help="within which a request is answered, default 30000"
    )
    parser.add_argument(
        "--address",
        default="0.0.0.0",  # noqa: S104 - a container's own interfaces
        help="interface to listen on, default 0.0.0.0: all of them, which is right only inside a container, whose "
        "engine decides who reaches it. Nobody is asked who they are: elsewhere use 127.0.0.1",
    )
    parser.add_argument(
        "--log_format",
        choices=("text", "ecs"),
        default="text",
        help="what standard error is: text for people, or lines of Elastic Common Schema, one for each prediction, too",
    )
    for flag in IGNORED:
        parser.add_argument(flag, nargs="?", help=argparse.SUPPRESS)
    return parser


def _version(base: Path, wanted: int | None) -> tuple[int, Path]:
    """The version to serve and its folder: a number as its name, "00000123" being 123, too."""
    with files.translated("looking for the version"):
        found = {int(path.name): path for path in _folders(base) if path.name.isascii() and path.name.isdigit()}
    if wanted is None and len(found) > 1:
        raise UsageError(f"{base} holds the versions {', '.join(map(str, sorted(found)))}", "name one with --version")
    number = wanted if wanted is not None else next(iter(found), None)
    if number is None or number not in found:
        raise UsageError(
            f"{base} holds no version" if number is None else f"{base} holds no version {number}",
            f"its files belong into a folder that has its number as name, such as {base / str(number or 1)}",
        )
    return number, found[number]


def _check_temporary() -> None:
    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        raise UsageError(
            "there is no folder for temporary files, which TensorFlow needs",
            "mount a tmpfs or an emptyDir at /tmp that everybody may write to, or name a folder in TMPDIR",
        ) from error


def _folders(base: Path) -> list[Path]:
    return sorted(path for path in base.iterdir() if path.is_dir()) if base.is_dir() else []


async def _serve(options: Options, listener: socket.socket) -> None:
    stop = (
        asyncio.Event()
    )  # signals first: what is imported next takes a while, and nobody else stops a container's first process
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    from jenkins_ml.server.app import make_app
    from jenkins_ml.server.dataplane import DRAIN_SECONDS, DataPlane
    from jenkins_ml.server.grpc_api import make_server
    from jenkins_ml.server.metrics import Metrics
    from jenkins_ml.server.sample_api import sample_route, summary_route

    metrics = Metrics(options.model)
    plane = DataPlane(options.model, saved_model.load, metrics.observe, deadline_seconds=options.deadline_seconds)
    writer, requests = _logs(options)
    grpc, grpc_port = make_server(plane, options.grpc_port, options.address, "--port", requests)
    token = options.sample_token
    private = (
        [] if token is None else [sample_route(plane.sampler, token), summary_route(plane, options.version, token)]
    )
    http = http_server(make_app(plane, metrics, private, requests), DRAIN_SECONDS)
    answering = asyncio.create_task(http.serve([listener]))
    await grpc.start()
    rest_port = listener.getsockname()[1]
    logging.info(
        "loading version %d of %s: REST on port %d, gRPC on port %d",
        options.version,
        options.model,
        rest_port,
        grpc_port,
    )
    stopping = asyncio.create_task(stop.wait())
    loading = asyncio.create_task(plane.load(options.version, options.path))
    try:
        await asyncio.wait((answering, stopping, loading), return_when=asyncio.FIRST_COMPLETED)
        if loading.done():
            loading.result()
            plane.set_traffic(options.version, None, 0, 0)
            await asyncio.wait((answering, stopping), return_when=asyncio.FIRST_COMPLETED)
            logging.info("stopping")
    finally:
        http.should_exit = True
        await asyncio.gather(answering, grpc.stop(DRAIN_SECONDS))
        if writer is not None:
            writer.close()


def _logs(options: Options) -> tuple[LineWriter | None, RequestLog | None]:
    """The log for machines, which takes the place of the one for people."""
    if not options.ecs:
        return None, None
    from jenkins_ml.server.logs import request_log, to_standard_error

    logging.getLogger().handlers.clear()
    writer, requests = request_log(options.model, options.environment, to_standard_error)
    requests.know(options.version, options.origin)
    return writer, requests


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # a model that hangs must not keep the process: its thread cannot be ended
