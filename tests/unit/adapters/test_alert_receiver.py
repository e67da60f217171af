"""The receiver of web hooks: who may send, what one sender can make it do, and that it always answers."""

import asyncio
import contextlib
import json
import threading
from urllib.parse import urlsplit

import pytest

from jenkins_ml.adapters.alert_receiver import Bounds, Receiver

TOKEN = b"0123456789abcdef"
QUICK = Bounds(reading=0.2, acting=0.2, connections=3, waiting=2, body=1000, head=2000)


class Acting:
    """What is done about a body, as the tests want it."""

    def __init__(self):
        self.bodies, self.gate, self.entered = [], threading.Event(), threading.Event()
        self.gate.set()

    def __call__(self, body):
        self.entered.set()
        assert self.gate.wait(10), "the test forgot to open the gate"
        self.bodies.append(body)
        return 200, {"results": []}


def receiver(act, **more):
    given = {
        "host": "127.0.0.1",
        "port": 0,
        "act": act,
        "token": lambda: TOKEN,
        "bounds": QUICK,
        "note": lambda _: None,
    } | more
    return Receiver(**given)


def during(scenario, given):
    """Run a scenario, which gets the port, while a receiver serves."""

    async def both():
        stopped, listening = asyncio.Event(), asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(given.serve(listening.set_result, stopped))
        try:
            return await scenario(urlsplit(await listening).port)
        finally:
            stopped.set()
            await serving

    return asyncio.run(both())


async def send(port, data, **how):
    """The status and the body of the answer to some bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **how)
    writer.write(data)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return (int(head.split()[1]), json.loads(body)) if head else (None, None)


def post(body=b"{}", path="/", method="POST", **headers):
    given = {"Host": "x", "Authorization": "Bearer " + TOKEN.decode(), "Content-Length": str(len(body))} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    lines = [f"{name}: {value}" for name, value in given.items() if value is not None]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1") + body


def ask(act, data, **more):
    return during(lambda port: send(port, data), receiver(act, **more))


def test_what_was_done_is_answered():
    act = Acting()
    assert ask(act, post(b'{"a": 1}')) == (200, {"results": []})
    assert act.bodies == [b'{"a": 1}']


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", f"Bearer {TOKEN.decode()}x", f"Bearer {TOKEN.decode()[:-1]}", f"Basic {TOKEN.decode()}",
     TOKEN.decode(), "Bearer \xff\xfe", f"bearer {TOKEN.decode()[::-1]}"],
)  # fmt: skip
def test_nobody_without_the_token_is_listened_to(authorization):
    act = Acting()
    status, answer = ask(act, post(Authorization=authorization))
    assert (status, act.bodies) == (401, [])
    assert TOKEN.decode() not in json.dumps(answer)


def test_who_is_turned_away_is_said_once_in_a_while():
    said = []

    async def scenario(port):
        for data in (post(Authorization="Bearer x"), post(Authorization="Bearer y"), post(path="/other")):
            await send(port, data)

    during(scenario, receiver(Acting(), note=said.append))
    assert said == [
        "127.0.0.1 was turned away (401): a bearer token is needed, and this is none",
        "127.0.0.1 was turned away (404): web hooks go to /",
    ]


def test_the_token_is_read_each_time():
    tokens, act = [b"a" * 16, b"b" * 16], Acting()

    async def scenario(port):
        return [(await send(port, post(Authorization="Bearer " + "b" * 16)))[0] for _ in range(2)]

    assert during(scenario, receiver(act, token=lambda: tokens.pop(0))) == [401, 200]


def test_where_the_token_cannot_be_read_the_sender_tries_again():
    def gone():
        raise FileNotFoundError("/run/token")

    status, answer = ask(Acting(), post(), token=gone)
    assert status == 503
    assert "/run" not in answer["error"]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (post(path="/other"), 404),
        (post(method="GET"), 405),
        (post(Content_Length=None), 411),
        (post(Content_Length="many"), 411),
        (post(Content_Length="-1"), 411),
        (post(Content_Length="²"), 411),
        (post(Transfer_Encoding="chunked"), 411),
        (post(Content_Length="1001"), 413),
        (post(Content_Length="9" * 1000), 413),
        (post(b"x" * 1001), 413),
        (post(X="x" * 3000), 431),
        (b"GET / HTTP/2\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
    ],
)
def test_what_is_no_web_hook_is_refused(data, status):
    act = Acting()
    assert ask(act, data)[0] == status
    assert act.bodies == []


def test_it_says_that_it_lives_to_anybody():
    act = Acting()
    assert ask(act, b"GET /healthz HTTP/1.1\r\n\r\n") == (200, {"status": "ready"})
    assert act.bodies == []


@pytest.mark.parametrize("data", [b"", b"POST / HT", post(b"x" * 10)[:-5]])
def test_a_slow_sender_is_sent_away(data):
    act = Acting()
    assert ask(act, data)[0] == 408
    assert act.bodies == []


def test_a_sender_that_ends_early_changes_nothing():
    act = Acting()

    async def scenario(port):
        for data in (b"", b"POST", post(b"x" * 10)[:-5]):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(data)
            writer.close()
            await writer.wait_closed()
        return await send(port, post())

    assert during(scenario, receiver(act))[0] == 200
    assert act.bodies == [b"{}"]


def test_too_many_connections_are_turned_away():
    async def scenario(port):
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        refused = await send(port, b"")
        for _, writer in idle:
            writer.close()
        return refused

    assert during(scenario, receiver(Acting(), bounds=Bounds(connections=3, reading=5)))[0] == 503


def test_what_takes_long_goes_on_and_the_sender_tries_again():
    act = Acting()
    act.gate.clear()

    async def scenario(port):
        first = await send(port, post(b"1"))
        act.gate.set()
        return first, await send(port, post(b"2"))

    first, second = during(scenario, receiver(act))
    assert (first[0], second[0]) == (503, 200)
    assert act.bodies == [b"1", b"2"]


def test_one_thing_at_a_time_and_few_that_wait():
    act = Acting()
    act.gate.clear()

    async def scenario(port):
        waiting = [asyncio.create_task(send(port, post(b"%d" % number))) for number in range(2)]
        await asyncio.to_thread(act.entered.wait, 10)
        while len(act.bodies) == 0:
            status, answer = await send(port, post(b"more"))
            if answer == {"error": "too much is being done already"}:
                act.gate.set()
                break
            assert status == 503
        return [await each for each in waiting]

    bounds = Bounds(acting=5, waiting=2, connections=10)
    assert [status for status, _ in during(scenario, receiver(act, bounds=bounds))] == [200, 200]
    assert sorted(act.bodies)[:2] == [b"0", b"1"]


def test_what_is_being_done_is_finished_and_answered_before_the_end():
    act = Acting()
    act.gate.clear()

    async def both():
        stopped, listening = asyncio.Event(), asyncio.get_running_loop().create_future()
        given = receiver(act, bounds=Bounds(reading=5, acting=5))
        serving = asyncio.create_task(given.serve(listening.set_result, stopped))
        asked = asyncio.create_task(send(urlsplit(await listening).port, post(b"late")))
        await asyncio.to_thread(act.entered.wait, 10)
        stopped.set()
        await asyncio.sleep(0)
        act.gate.set()
        await serving
        return await asked

    assert asyncio.run(both())[0] == 200
    assert act.bodies == [b"late"]
