"""computer/… and label/…"""

from typing import Any

from tests.fakes.jenkins import api, dom, pages
from tests.fakes.jenkins.application import need, need_post, refuse
from tests.fakes.jenkins.dom import node
from tests.fakes.jenkins.messages import Reply, Request
from tests.fakes.jenkins.nodes import Agent
from tests.fakes.jenkins.pages import quoted


def _built_in(server: Any) -> dict[str, Any]:
    return {
        "_class": "hudson.model.Hudson$MasterComputer",
        "assignedLabels": [{"name": "built-in"}],
        "displayName": "Built-In Node",
        "executors": [{"currentExecutable": None, "idle": True, "number": i} for i in range(server.queue.executors)],
        "idle": not server.queue.busy,
        "numExecutors": server.queue.executors,
        "offline": False,
        "offlineCauseReason": "",
        "oneOffExecutors": [{"currentExecutable": run, "idle": False} for run in server.queue.running.values()],
        "temporarilyOffline": False,
    }


def answer(server: Any, request: Request, rest: list[str]) -> Reply:
    """computer/…"""
    what = rest[0] if rest else ""
    if not what:
        return server.pages.page(200, "<h1>Nodes</h1>")
    if what == "api":
        shown = {
            "_class": "hudson.model.ComputerSet",
            "busyExecutors": server.queue.busy,
            "computer": [_built_in(server), *(each.shown() for each in server.nodes.agents.values())],
            "displayName": "Nodes",
            "totalExecutors": server.queue.executors,
        }
        return api.answer(server, request, shown, rest[1] if len(rest) > 1 else "")
    if what == "doCreateItem":
        return _create(server, request)
    if what == "(built-in)" and rest[1:2] == ["api"]:
        return api.answer(server, request, _built_in(server), rest[2] if len(rest) > 2 else "")
    agent = server.nodes.agents.get(what)
    return _agent(server, request, agent, rest[1:]) if agent else server.pages.not_found()


def _create(server: Any, request: Request) -> Reply:
    need_post(request)
    need(request, "Agent/Create")
    form, name = request.json or {}, request.get("name") or ""
    if name in server.nodes.agents:
        return refuse(request, f"Agent called {quoted(name)} already exists")
    labels = str(form.get("labelString", "")).split()
    made = Agent(name, labels, int(form.get("numExecutors", 1)), form.get("nodeDescription", ""))
    made.root, made.mode = form.get("remoteFS", ""), form.get("mode", "NORMAL")
    server.nodes.agents[name] = made
    return pages.redirect("/computer/")


def _agent(server: Any, request: Request, agent: Agent, rest: list[str]) -> Reply:
    what = rest[0] if rest else ""
    if not what:
        return server.pages.page(200, f"<h1>Agent {agent.name}</h1>")
    if what == "api":
        return api.answer(server, request, agent.shown(), rest[1] if len(rest) > 1 else "")
    if what == "config.xml":
        need(request, "Agent/ExtendedRead")
        return pages.text(dom.saved(_xml(agent), '<?xml version="1.1" encoding="UTF-8"?>\n'), "application/xml")
    if what == "jenkins-agent.jnlp":
        need(request, "Agent/Connect")
        return pages.text("<jnlp/>", "application/x-java-jnlp-file")
    need_post(request)
    if what == "toggleOffline":
        need(request, "Agent/Disconnect")
        agent.offline_because = None if agent.offline_because is not None else request.get("offlineMessage") or ""
        return pages.redirect(f"/computer/{agent.name}/")
    if what == "doDelete":
        need(request, "Agent/Delete")
        del server.nodes.agents[agent.name]
        return pages.redirect("/computer/")
    return server.pages.not_found()


def _xml(agent: Agent) -> dom.Node:
    work = [("disabled", "false"), ("internalDir", "remoting"), ("failIfWorkDirIsMissing", "false")]
    settings = node("workDirSettings", *(node(name, text) for name, text in work))
    return node(
        "slave",
        node("name", agent.name),
        node("description", agent.description),
        node("remoteFS", agent.root),
        node("numExecutors", str(agent.executors)),
        node("mode", agent.mode),
        node("retentionStrategy", class_="hudson.slaves.RetentionStrategy$Always"),
        node("launcher", settings, node("webSocket", "false"), class_="hudson.slaves.JNLPLauncher"),
        node("label", " ".join(agent.labels)),
        node("nodeProperties"),
    )


def label(server: Any, request: Request, rest: list[str]) -> Reply:
    """label/NAME/api"""
    name = rest[0] if rest else ""
    found = [each for each in server.nodes.agents.values() if name in (each.name, *each.labels)]
    shown = {
        "_class": "hudson.model.labels.LabelAtom",
        "name": name,
        "nodes": [{"_class": "hudson.slaves.DumbSlave", "nodeName": each.name} for each in reversed(found)],
        "offline": True,
        "totalExecutors": 0,
    }
    return api.answer(server, request, shown, rest[2] if len(rest) > 2 else "")
