"""A plan for a server: what jobs.yaml asks for, held against what the server has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from jenkins_ml.adapters.clock import now
from jenkins_ml.core.jobs import classes, plan
from jenkins_ml.core.jobs.plan import Live, Rules
from jenkins_ml.core.jobs.xml_tree import Element, write
from jenkins_ml.errors import JenkinsMLError, StageFailed
from jenkins_ml.records import JobAction, JobsPlan
from jenkins_ml.reporting.console import Reporter
from jenkins_ml.steps.jobs import lacking
from jenkins_ml.steps.jobs.desired import Wanted

if TYPE_CHECKING:
    from jenkins_ml.adapters.jenkins_server import Server

PARALLEL: Final = 8  # requests at a time; a server with a thousand jobs answers them side by side

_RULES: Final = (
    click.option("--adopt", is_flag=True, help="Take over jobs that are there and that nobody manages."),
    click.option(
        "--adopt-from", metavar="OWNER", default="", help="Take over the jobs of this owner, as when `owner` changes."
    ),
    click.option("--replace", is_flag=True, help="Delete jobs of another type with their builds, and make them anew."),
    click.option(
        "--trust-digests",
        "trust",
        is_flag=True,
        help="Take a job for unchanged when the digest in its description is right: quick, and blind to changes by hand.",
    ),
)
RULES_OPTIONS: Final = {
    "adopt": "--adopt",
    "adopt_from": "--adopt-from",
    "replace": "--replace",
    "trust": "--trust-digests",
}
parallel_option = click.option(
    "--parallel", type=click.IntRange(1, 32), default=PARALLEL, show_default=True, help="Requests at a time."
)


def rules_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how far a plan may go; `Rules` takes what they are given as."""
    for option in reversed(_RULES):
        command = option(command)
    return command


def make(server: Server, all_wanted: Sequence[Wanted], rules: Rules, parallel: int, report: Reporter) -> JobsPlan:
    """The plan, with the configurations that it would send."""
    from jenkins_ml.adapters import jenkins_items

    report.step(f"listing the jobs of {server.server}")
    live = jenkins_items.listing(server)
    named = {each.desired.name: each for each in all_wanted}
    tops = _tops(live)
    reading = [name for name, each in named.items() if plan.needs_reading(each.desired, live.get(name), rules)]
    configs = _read(server, reading, parallel, report)
    # What is asked for in another case than it has stays: a typing error must not remove it.
    cases = {each.split("/")[0].casefold() for each in named if _other_case(each, tops) is not None}
    kept = {*named, *(each for each in live if each.split("/")[0].casefold() in cases)}
    going = list(plan.removals(live.values(), kept, rules))
    staying = live.keys() - {each.name for each in going if each.deed == "delete"}
    actions = [_action(each, live, configs, tops, staying, rules) for each in all_wanted]
    actions = [*plan.without_place(actions, live), *going]
    report.step("looking for plugins and credentials")
    missing, unchecked = lacking.look(server, all_wanted, live)
    report.close()
    return JobsPlan(
        owner=rules.owner,
        server=server.server,
        created=now(),
        ignore=tuple(rules.ignore),
        actions=tuple(actions),
        missing=tuple(missing),
        unchecked=tuple(unchecked),
    )


def _action(
    wanted: Wanted,
    live: Mapping[str, Live],
    configs: Mapping[str, Element | JenkinsMLError | None],
    tops: Mapping[str, str],
    staying: Set[str],
    rules: Rules,
) -> JobAction:
    name = wanted.desired.name
    if (other := _other_case(name, tops)) is not None:
        note = f"there is {other!r} at the top of the server, which ignores case: write it so"
        return JobAction(name=name, deed="refuse", kind="", note=note)
    found = live.get(name)
    # Deleted between the listing and the reading: then there is none.
    config = configs.get(name)
    if isinstance(config, JenkinsMLError):
        return plan.unreadable(wanted.desired, config.what)
    if name in configs and config is None:
        found = None
    inside: list[str] = []
    if (
        found is not None
        and found.kind == classes.FOLDER
        and found.kind != classes.API_CLASSES[wanted.desired.config.tag]
    ):
        inside = sorted(each for each in staying if each.startswith(f"{name}/"))
    action = plan.action(wanted.desired, found, config, rules, inside)
    if action.deed in ("nothing", "refuse", "delete"):
        return action
    return replace(action, config=write(plan.marked(wanted.desired, rules)[0]))


def _tops(live: Mapping[str, Live]) -> Mapping[str, str]:
    return {name.casefold(): name for name in live if "/" not in name}


def _other_case(name: str, tops: Mapping[str, str]) -> str | None:
    """What the server has at its top instead of the first part of a name."""
    top = name.split("/")[0]
    other = tops.get(top.casefold(), top)
    return other if other != top else None


def _read(
    server: Server, names: Sequence[str], parallel: int, report: Reporter
) -> Mapping[str, Element | JenkinsMLError | None]:
    """The configurations of jobs, several at a time; why it is not to be had for one that the server does not give."""
    from jenkins_ml.adapters import jenkins_items
    from jenkins_ml.adapters.jenkins_answers import Forbidden
    from jenkins_ml.adapters.jenkins_parallel import side_by_side

    found: dict[str, Element | JenkinsMLError | None] = {}

    def read(name: str) -> tuple[str, Element | JenkinsMLError | None]:
        try:
            return name, jenkins_items.read(server, name)
        except (Forbidden, StageFailed) as error:
            return name, error

    def ended(result: tuple[str, Element | JenkinsMLError | None]) -> None:
        found[result[0]] = result[1]
        if len(found) % 100 == 0:
            report.step(f"reading configurations: {len(found)} of {len(names)}")

    side_by_side(server, read, names, parallel, ended)
    return found
