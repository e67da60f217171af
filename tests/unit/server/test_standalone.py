"""Our server as the process of a container, as far as it needs no TensorFlow: its command line, and its life."""

import asyncio
import base64
import json
import logging
import os
import signal
import tempfile
import threading
import urllib.error
import urllib.request

import pytest

from jenkins_ml import names
from jenkins_ml.core.origin import Origin
from jenkins_ml.errors import IntegrityError, Unavailable, UsageError
from jenkins_ml.server import listening, standalone
from tests.fakes.model import FakeLoader, FakeModel


@pytest.fixture
def base(tmp_path):
    (tmp_path / "m" / "7").mkdir(parents=True)
    (tmp_path / "m" / "reservations").mkdir()
    (tmp_path / "m" / "1").write_text("a file is no version")
    return tmp_path / "m"


# --- the command line ------------------------------------------------------------------------------------------------
def test_the_ports_of_tensorflow_serving_and_every_interface_of_the_container(base):
    assert standalone.parse(["--model_name=m", "--model_base_path", str(base)], {}) == standalone.Options(
        model="m",
        version=7,
        path=base / "7",
        address="0.0.0.0",
        grpc_port=8500,
        rest_port=8501,
        deadline_seconds=30.0,
    )


def test_what_is_set(base):
    argv = f"--model_name m --model_base_path {base} --port 1 --rest_api_port=2 --address ::1 --rest_api_timeout_in_ms 1500"
    options = standalone.parse(argv.split(), {"MODEL_NAME": "other"})
    assert (options.model, options.grpc_port, options.rest_port, options.address, options.deadline_seconds) == (
        "m",
        1,
        2,
        "::1",
        1.5,
    )


def test_the_environment_of_the_image(base):
    options = standalone.parse([], {"MODEL_NAME": "m", "MODEL_BASE_PATH": str(base.parent)})
    assert (options.model, options.path) == ("m", base / "7")


def test_one_of_several_versions_has_to_be_named(base):
    (base / "00000012").mkdir()
    argv = ["--model_base_path", str(base)]
    with pytest.raises(UsageError, match="holds the versions 7, 12"):
        standalone.parse(argv, {})
    assert standalone.parse([*argv, "--version", "12"], {}).path == base / "00000012"


@pytest.mark.parametrize(
    ("arguments", "what"), [((), "holds no version"), (("--version", "8"), "holds no version 8")], ids=str
)
def test_a_version_that_is_not_there(tmp_path, arguments, what):
    with pytest.raises(UsageError, match=f"{what}\n") as caught:
        standalone.parse(["--model_base_path", str(tmp_path / "none"), *arguments], {})
    assert str(tmp_path / "none") in caught.value.next_step


@pytest.mark.parametrize("argument", ["--enable_batching", "--model_config_file=/x", "--por=1", "--ssl_config_file"])
def test_what_has_no_meaning_here_is_refused(base, argument):
    with pytest.raises(UsageError, match=f"^{argument.partition('=')[0]} has no meaning for this server\n"):
        standalone.parse(["--model_base_path", str(base), argument], {})


@pytest.mark.parametrize("flag", standalone.IGNORED)
def test_what_does_nothing_here_is_taken_as_it_may_be_written(base, flag):
    for form in ([flag], [flag, "1"], [f"{flag}=1"]):
        assert standalone.parse([*form, "--model_base_path", str(base)], {}).version == 7


# --- the process -----------------------------------------------------------------------------------------------------
def ask(port, path, document=None, **headers):
    body = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def life(monkeypatch, base, model, questions, *arguments, **environment):
    """Run the server in this process while a thread asks; it is told to end by SIGTERM at the end."""
    monkeypatch.setattr(standalone.saved_model, "load", FakeLoader({"7": model}))
    argv = ["--model_name", "m", "--model_base_path", str(base), "--address", "127.0.0.1", "--port", "0"]
    options = standalone.parse([*argv, *arguments], environment)
    answers = []

    async def scenario():
        with listening.listen(options.address, 0, "--rest_api_port") as listener:
            port = listener.getsockname()[1]

            def asks():
                try:
                    answers.extend(questions(port))
                finally:
                    os.kill(os.getpid(), signal.SIGTERM)

            await asyncio.gather(standalone._serve(options, listener), asyncio.to_thread(asks))

    asyncio.run(scenario())
    return answers


def test_it_answers_for_its_version_until_it_is_told_to_end(monkeypatch, base):
    def questions(port):
        while (answer := ask(port, "/v1/models/m/versions/7/metadata"))[0] == 404:
            assert "Servable not found" in answer[1]
        for path in ("/v1/models/m:predict", "/v1/models/m/versions/7:predict", "/v1/models/m/versions/8:predict"):
            yield ask(port, path, {"instances": [[1.0, 2.0]]})
        yield ask(port, "/metrics")
        yield ask(port, f"{names.ADMIN_PREFIX}/state")
        yield ask(port, f"{names.SAMPLE_PATH}?percent=100", {})

    first, pinned, other, metrics, admin, sample = life(monkeypatch, base, FakeModel(), questions)
    assert first == pinned == (200, '{\n    "predictions": [5.0\n    ]\n}')
    assert other[0] == admin[0] == sample[0] == 404
    assert f'{names.METRIC_REQUESTS}{{code="OK",model="m",version="7"}} 2.0' in metrics[1]


def test_requests_under_way_are_answered_before_it_ends(monkeypatch, base):
    model, asked = FakeModel(), []

    def questions(port):
        while ask(port, "/v1/models/m/versions/7/metadata")[0] == 404:
            pass
        model.gate.clear()
        asked.append(
            threading.Thread(target=lambda: asked.append(ask(port, "/v1/models/m:predict", {"instances": [[1, 2]]})))
        )
        asked[0].start()
        while not model.calls:
            pass
        threading.Timer(0.2, model.gate.set).start()
        return ()

    life(monkeypatch, base, model, questions)
    asked[0].join(10)
    assert asked[1][0] == 200


def test_only_who_has_the_token_takes_a_sample_of_users_requests(monkeypatch, base, tmp_path):
    file, token = tmp_path / "token", "t" * 43
    path = f"{names.SAMPLE_PATH}?percent="

    def questions(port):
        def take(percent, token):
            return ask(port, f"{path}{percent}", {}, **{names.TOKEN_HEADER: token})

        while ask(port, "/v1/models/m/versions/7/metadata")[0] == 404:
            pass
        yield take(100, token)
        for text in ("", "short"):  # an empty token is none
            file.write_text(text)
            yield take(100, text)
        file.write_text(f"{token}\n")  # it comes while the server runs
        yield ask(port, f"{path}100", {})
        for wrong in ("", "t" * 42, "\xe9" * 43):
            yield take(100, wrong)
        for percent in ("", "-1", "101", "1e1", "\u00b2".encode().hex()):
            yield take(percent, token)
        yield ask(port, f"{path}100", **{names.TOKEN_HEADER: token})  # GET
        ask(port, "/v1/models/m:predict", {"instances": [[9.0, 9.0]]})
        yield take(100, token)
        for choice in ("", "/versions/7"):
            ask(port, f"/v1/models/m{choice}:predict", {"instances": [[1.0, 2.0]]})
        yield take(0, token)
        ask(port, "/v1/models/m:predict", {"instances": [[9.0, 9.0]]})
        yield take(0, token)

    answers = life(monkeypatch, base, FakeModel(), questions, JENKINS_ML_SAMPLE_TOKEN_FILE=str(file))
    codes = [code for code, _ in answers]
    assert codes == [404] * 3 + [401] * 4 + [400] * 5 + [405] + [200] * 3
    taken = [[base64.b64decode(body) for body in json.loads(text)["bodies"]] for code, text in answers if code == 200]
    # What came before anybody asked is not kept, nor is what the deployer asked a version itself.
    assert taken == [[], [b'{"instances": [[1.0, 2.0]]}'], []]


def test_a_log_for_machines_on_standard_error(monkeypatch, base, capfd, caplog):
    caplog.set_level(logging.INFO)

    def questions(port):
        while ask(port, "/v1/models/m/versions/7/metadata")[0] == 404:
            pass
        yield ask(port, "/v1/models/m:predict", {"instances": [[1.0, 2.0]]}, **{names.REQUEST_HEADER: "r-1"})

    origin = Origin(run="vision-7", commit="abc", build="https://jenkins/7/", release=4)
    environment = {**origin.variables(), names.ENV_SERVED: "staging"}
    life(monkeypatch, base, FakeModel(), questions, "--log_format=ecs", **environment)
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    (request,) = (line for line in lines if line["event"]["dataset"] == "jenkins_ml.requests")
    assert request["http"]["request"]["id"] == "r-1"
    assert request["service"] == {"name": "m", "environment": "staging", "version": "7"}
    assert request["labels"] == {"run": "vision-7", "commit": "abc", "build": "https://jenkins/7/", "release": "4"}
    assert {line["message"] for line in lines} >= {"version 7 is available", "stopping"}


def test_a_version_that_cannot_be_loaded_ends_it(monkeypatch, base):
    monkeypatch.setattr(standalone.saved_model, "load", FakeLoader({"7": IntegrityError("it is torn")}))
    options = standalone.parse(
        ["--model_name", "m", "--model_base_path", str(base), "--address", "127.0.0.1", "--port", "0"], {}
    )
    with (
        listening.listen("127.0.0.1", 0, "--rest_api_port") as listener,
        pytest.raises(IntegrityError, match="it is torn"),
    ):
        asyncio.run(standalone._serve(options, listener))


def test_a_port_that_is_taken(base, capsys):
    with listening.listen("127.0.0.1", 0, "x") as listener:
        port = listener.getsockname()[1]
        with pytest.raises(Unavailable) as caught:
            listening.listen("127.0.0.1", port, "--rest_api_port")
        assert "set --rest_api_port to another" in caught.value.next_step
        argv = ["--model_base_path", str(base), "--address", "127.0.0.1", "--rest_api_port", str(port)]
        assert standalone.main(argv) == 6
    assert capsys.readouterr().err.startswith(f"port {port} is in use; stop what uses it, or set --rest_api_port")


def test_nothing_to_write_temporary_files_to(base, capsys, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_get_default_tempdir", lambda: (_ for _ in ()).throw(FileNotFoundError("none")))
    assert standalone.main(["--model_base_path", str(base)]) == 2
    assert capsys.readouterr().err.startswith("there is no folder for temporary files, which TensorFlow needs; mount a")


def test_an_address_that_is_not_here():
    with pytest.raises(UsageError, match=r"cannot listen on 192\.0\.2\.1, port 8501"):
        listening.listen("192.0.2.1", 8501, "--rest_api_port")
