"""`jenkins-ml alert-hook`: what Alertmanager's web hook calls, to roll back or to train anew."""

from __future__ import annotations

import ipaddress
import os
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NoReturn

import click

from jenkins_ml import names
from jenkins_ml.adapters import files
from jenkins_ml.core import alert_hook as bodies
from jenkins_ml.core.alert_hook import Result
from jenkins_ml.errors import ConfigurationError, JenkinsMLError, Unavailable, UsageError
from jenkins_ml.reporting.console import Reporter, reporter
from jenkins_ml.reporting.text import one_line, printable
from jenkins_ml.steps.acting_on_alerts import Done, act, hook_of
from jenkins_ml.steps.common import Project, json_option, print_json
from jenkins_ml.steps.jobs.connection import Span, connected, profile_option

if TYPE_CHECKING:
    import ssl

    from jenkins_ml.adapters.alert_receiver import Answer

_LONGEST_BODY: Final = 2**20  # bytes, as the receiver has it
_SHORTEST_TOKEN: Final = 16  # characters: fewer are guessed


def _address(ctx: click.Context, param: click.Parameter, value: str) -> tuple[str, int]:
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[0-9.]+|localhost):([0-9]{1,5})", value)
    if match is None or int(match[2]) > 65535:
        raise click.BadParameter(f"{value!r} is no address: write 127.0.0.1:9095, or [::1]:9095", ctx, param)
    host = match[1].strip("[]")
    try:
        ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error
    return host, int(match[2])


@click.command("alert-hook")
@click.option(
    "--listen",
    callback=_address,
    default="127.0.0.1:9095",
    show_default=True,
    metavar="HOST:PORT",
    help="Where web hooks are posted to, at /. Another machine's need --tls-cert.",
)
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"The bearer token that senders need; read anew for each request. Default: the variable {names.ENV_ALERT_TOKEN}.",
)
@click.option("--tls-cert", type=click.Path(dir_okay=False), help="Certificate of this receiver, in PEM.")
@click.option("--tls-key", type=click.Path(dir_okay=False), help="Its key; default: in the same file.")
@click.option("--client-ca", type=click.Path(dir_okay=False), help="Who signs the certificates that senders need.")
@click.option("--once", type=click.File("rb"), metavar="FILE", help="Act on one web hook's body, and end; - reads it.")
@profile_option
@json_option
def command(
    listen: tuple[str, int],
    token_file: Path | None,
    tls_cert: str | None,
    tls_key: str | None,
    client_ca: str | None,
    once: BinaryIO | None,
    profile: str | None,
    as_json: bool,
) -> None:
    """Act on Alertmanager's web hooks: roll back the version that fails, or start a training.

    Runs until it is stopped. The alerts are those that `jenkins-ml generate` writes rules for; what they may do stands in
    monitor.alerts.hook. Only the version that an alert names is rolled back, and only while it is in production.
    """
    with reporter() as report:
        report.stage("alert-hook")
        if once is not None:
            _once(once.read(_LONGEST_BODY + 1), profile, report, as_json)
            return
        hook = hook_of(Project.here())
        if hook.retrain_job is not None:
            with connected(
                profile, Span("1s", 1.0), report
            ):  # to hear today that a token is missing, and not in a month
                report.note(f"trains by {hook.retrain_job}")
        token = _token(token_file, os.environ)
        host, port = listen
        tls = _tls(tls_cert, tls_key, client_ca)
        if token is None and client_ca is None:
            raise UsageError(
                "nothing says who may send alerts",
                f"give --token-file or {names.ENV_ALERT_TOKEN}, or --client-ca for certificates of the senders",
            )
        if tls is None and host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            raise UsageError(
                f"{host} is not this machine alone, and the token would cross the network for all to read",
                "give --tls-cert and --tls-key, or listen on 127.0.0.1",
            )
        from jenkins_ml.adapters.alert_receiver import Receiver

        receiver = Receiver(
            host=host,
            port=port,
            act=lambda body: _answer(body, profile, report),
            token=token,
            note=report.note,
            tls=tls,
        )
        try:
            receiver.run(lambda address: report.note(f"listening on {address}/"))
        except OSError as error:
            raise Unavailable(
                f"it cannot listen at port {port} of {host}: {error.strerror or error}",
                "choose another address by --listen",
            ) from error
        report.done("stopped")


def _once(body: bytes, profile: str | None, report: Reporter, as_json: bool) -> None:
    if len(body) > _LONGEST_BODY:
        raise UsageError(f"the body is longer than {_LONGEST_BODY} bytes", "Alertmanager's are shorter")
    done = act(Project.here(), body, profile, report)
    if as_json:
        print_json({"results": [_plain(each.result) for each in done]})
    _fail(done)


def _fail(done: list[Done]) -> None:
    """End with the failure that counts: one that a retry may help comes first."""
    failed = sorted((each for each in done if each.error), key=lambda each: not isinstance(each.error, Unavailable))
    if failed and failed[0].error is not None:
        raise failed[0].error
    lacking = [each.result for each in done if each.result.outcome == "lacking"]
    if lacking:
        raise UsageError(f"{one_line(lacking[0].alert, 100) or 'an alert'}: {lacking[0].what}", "see docs/alerts.md")


def _answer(body: bytes, profile: str | None, report: Reporter) -> Answer:
    """What is answered to a sender. The configuration is read each time, as every command does."""
    try:
        done = act(Project.here(), body, profile, report)
    except (ConfigurationError, Unavailable) as error:
        return _told(503, error, report)  # somebody is at it
    except JenkinsMLError as error:
        return _told(400, error, report)
    except Exception as error:  # one that nobody foresaw must not end the receiver
        report.note(printable(traceback.format_exc()))
        return _told(500, JenkinsMLError(f"{type(error).__name__}: {error}"), report)
    results = [each.result for each in done]
    return bodies.status(results), {"results": [_plain(result) for result in results]}


def _told(status: int, error: JenkinsMLError, report: Reporter) -> Answer:
    report.note(one_line(error.what, 1000))
    return status, {"error": one_line(error.what, 1000)}


def _plain(result: Result) -> dict[str, str]:
    return {
        "alert": one_line(result.alert, 100),
        "outcome": result.outcome,
        "what": one_line(result.what, 1000),
    }


def _token(file: Path | None, environment: os._Environ[str]) -> Callable[[], bytes] | None:
    """Where the token comes from; None when there is none. What is wrong with it now is an error now."""
    # No process that is started from here needs it.
    given = environment.pop(names.ENV_ALERT_TOKEN, None)
    if file is None and given is None:
        return None

    def read() -> bytes:
        text = file.read_bytes() if file is not None else (given or "").encode()
        token = text.strip()
        if len(token) < _SHORTEST_TOKEN or re.search(rb"[^\x21-\x7e]", token):
            raise ValueError
        return token

    where = str(file) if file is not None else names.ENV_ALERT_TOKEN
    try:
        read()
    except OSError as error:
        raise files.translate(f"reading the token {where}", error) from error
    except ValueError as error:
        raise UsageError(
            f"{where} holds no token of at least {_SHORTEST_TOKEN} printable characters without blanks",
            "openssl rand -hex 32 makes one",
        ) from error
    return read


def _tls(certificate: str | None, key: str | None, client_ca: str | None) -> ssl.SSLContext | None:
    if certificate is None:
        if key is not None or client_ca is not None:
            raise UsageError("--tls-key and --client-ca need --tls-cert", "give the certificate of this receiver too")
        return None
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise UsageError(f"the certificate or its key cannot be used: {error}", "they are files in PEM") from error
    return context


def _no_password() -> NoReturn:
    """OpenSSL would ask at the terminal."""
    raise ValueError("the key has a password")


if __name__ == "__main__":
    from jenkins_ml.steps.entry import run_step

    run_step(command)
