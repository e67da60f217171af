"""The configuration to send: what jobs.yaml describes, in what the server has and jobs.yaml knows nothing of.

A server replaces a configuration whole, so whatever is not sent back is lost: the credentials and permissions of a
folder, what the last build's Jenkinsfile wrote, secrets that somebody typed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from jenkins_ml.core.jobs import classes, jenkinsfile, meaning
from jenkins_ml.core.jobs.jenkinsfile import Own
from jenkins_ml.core.jobs.xml_tree import Element


def merged(desired: Element, live: Element, ignore: Collection[str] = ()) -> Element:
    """The configuration that makes the live one mean what is desired; both are of one kind.

    Args:
        desired: as rendered.
        live: as the server gave it.
        ignore: tags that stay as they are.
    """
    managed = meaning.MANAGED.get(desired.tag)
    children = {each.tag: each for each in desired.children}
    own = jenkinsfile.own(live)
    result: list[Element] = []
    for each in live.children:
        wanted = children.pop(each.tag, None)
        described = managed is None or each.tag in managed
        if each.tag == "actions" or each.tag in ignore or not described or each.tag in own.options:
            result.append(each)
        elif wanted is not None:
            properties = each.tag == "properties"
            result.append(_properties(wanted, each, own, ignore) if properties else _kept(wanted, each, ignore))
    result += _not_ignored(children.values(), ignore)
    return Element(live.tag, tuple(result), "", live.attributes)


def _properties(desired: Element, live: Element, own: Own, ignore: Collection[str]) -> Element:
    """The properties of a job: those of its Jenkinsfile and its permissions stay."""
    children = {each.tag: each for each in desired.children}
    result: list[Element] = []
    for each in live.children:
        wanted = children.pop(each.tag, None)
        if each.tag in own.properties or each.tag in ignore or each.tag == classes.JOB_PERMISSIONS:
            result.append(each)
        elif each.tag in (classes.PARAMETERS, classes.TRIGGERS):
            part = _listed(wanted, each, own, ignore)
            if part is not None:
                result.append(part)
        elif wanted is not None:
            result.append(_kept(wanted, each, ignore))
    return live.with_children((*result, *_not_ignored(children.values(), ignore)))


def _listed(desired: Element | None, live: Element, own: Own, ignore: Collection[str]) -> Element | None:
    """Parameters or triggers: those of the Jenkinsfile stay, and come after those that are described."""
    [name] = [each.tag for each in live.children if each.tag in ("parameterDefinitions", "triggers")][:1] or [""]
    before = live.child(name)
    after = desired.child(name) if desired is not None else None
    if before is None:
        return desired
    wanted = _not_ignored(after.children, ignore) if after is not None else []
    stays = [each for each in before.children if _is_own(each, own) or each.tag in ignore]
    taken = {_key(each) for each in stays}
    described = [_kept(each, _like(each, before), ignore) for each in wanted if _key(each) not in taken]
    if not described and not stays:
        return None
    return live.with_children((before.with_children((*described, *stays)),))


def _is_own(node: Element, own: Own) -> bool:
    name = node.child("name")
    return node.tag in own.triggers or (name is not None and name.text in own.parameters)


def _key(node: Element) -> str:
    name = node.child("name") if node.tag.endswith("ParameterDefinition") else None
    return name.text if name is not None else node.tag


def _like(node: Element, among: Element) -> Element | None:
    return next((each for each in among.children if each.tag == node.tag and _key(each) == _key(node)), None)


def _kept(desired: Element, live: Element | None, ignore: Collection[str]) -> Element:
    """What is desired, with what only the server knows: secrets, what is ignored, and the id of a source of branches.

    A new id would make every branch of a project a new one, with none of its builds.
    """
    if live is None or live.attributes.get("class") != desired.attributes.get("class"):
        return desired
    children: list[Element] = []
    seen: Counter[str] = Counter()
    for each in _not_ignored(desired.children, ignore):
        counterpart = _counterpart(each, live, seen[each.tag])
        seen[each.tag] += 1
        if desired.tag == "source" and each.tag == "id" and counterpart is not None and counterpart.text:
            children.append(counterpart)
        else:
            children.append(_kept(each, counterpart, ignore))
    known = {each.tag for each in desired.children} - set(ignore)
    children += [
        each
        for each in live.children
        if each.tag in ignore or (each.tag not in known and not each.children and meaning.secret(live, each))
    ]
    return desired.with_children(tuple(children))


def _counterpart(desired: Element, live: Element, number: int) -> Element | None:
    """The same element of the server: that in the same place among its like, a source of branches by its id."""
    like = [each for each in live.children if each.tag == desired.tag]
    if desired.tag == classes.BRANCH_SOURCE:
        like.sort(key=lambda each: _id(each) != _id(desired))
    return like[number] if number < len(like) else None


def _id(source: Element) -> str:
    found = source.at("source", "id")
    return found.text if found is not None else ""


def _not_ignored(elements: Iterable[Element], ignore: Collection[str]) -> list[Element]:
    return [each for each in elements if each.tag not in ignore]
