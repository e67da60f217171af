"""Runs a fake Jenkins until its standard input closes or it gets SIGTERM.

The first line of its output is its URL, the second its administrator and that user's API token.
"""

import argparse
import signal
import sys
import threading

from tests.fakes.jenkins import FakeJenkins


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.jenkins", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that every answer takes longer")
    parser.add_argument("--quiet-period", type=float, default=5.0, help="seconds that a build waits")
    parser.add_argument("--speed", type=float, default=1.0, help="how much faster the server's clock runs")
    given = parser.parse_args()
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    server = FakeJenkins(port=given.port, latency=given.latency, quiet_period=given.quiet_period, speed=given.speed)
    server.keep_requests = False
    with server:
        print(server.url, flush=True)
        print(f"{server.admin.name} {server.admin.token}", flush=True)
        over.wait()


if __name__ == "__main__":
    main()
