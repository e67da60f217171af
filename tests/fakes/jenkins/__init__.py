"""A fake Jenkins server on the loopback interface.

It behaves as a Jenkins 2.479.3 was seen to behave (tests/contract/jenkins): users and crumbs, folders and jobs and
their XML, the queue and builds in (scaled) real time, progressive logs, credentials, restarts. How to use it:

    with FakeJenkins(quiet_period=0) as server:
        server.folder("team")
        server.put("team/job", xml)                          # as somebody else would; clients use createItem
        server.script("team/job", Build(seconds=1, result="UNSTABLE", log=[(0.5, "half")]))
        server.fault("answer", status=502, method="POST", path="/build", after=True)
        client(server.url, server.admin.name, server.admin.token)
        server.requests[-1].method, server.seen("POST", "createItem"), server.config("team/job")
        server.save("team/job")                              # the server rewrites the XML, as it does now and then
        server.restart(timeline=[("503", 0.2), ("401", 0.05), ("refused", 0.1), ("503", 0.2)])

`python -m tests.fakes.jenkins --port 0` runs one by itself.
"""

from tests.fakes.jenkins.builds import Build, Input, Run, Stage
from tests.fakes.jenkins.faults import Fault
from tests.fakes.jenkins.messages import Request
from tests.fakes.jenkins.nodes import Agent
from tests.fakes.jenkins.security import READER, User
from tests.fakes.jenkins.server import FakeJenkins

__all__ = ["READER", "Agent", "Build", "FakeJenkins", "Fault", "Input", "Request", "Run", "Stage", "User"]
