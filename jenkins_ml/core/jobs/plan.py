"""What has to be done so that a server has the jobs that a jobs.yaml describes; pure, whatever did the looking."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from jenkins_ml.core.jobs import classes, difference, jenkinsfile, marker, meaning
from jenkins_ml.core.jobs.meaning import Settings
from jenkins_ml.core.jobs.merge import merged
from jenkins_ml.core.jobs.xml_tree import Element
from jenkins_ml.records import JobAction, JobChange, JobDeed


@dataclass(frozen=True, kw_only=True)
class Desired:
    """One folder or job as jobs.yaml asks for it.

    Args:
        name: full name.
        config: its configuration, without the owner's line.
        implied: it is a folder that is only asked for because something lies in it: whoever owns it, it will do.
    """

    name: str
    config: Element
    implied: bool = False


@dataclass(frozen=True, kw_only=True)
class Live:
    """One folder or job as the server lists it.

    Args:
        name: full name.
        kind: its class, as api/json has it.
        description: as the server has it; None for none.
    """

    name: str
    kind: str
    description: str | None

    @property
    def marker(self) -> marker.Marker | None:
        """Who manages it; None for what was made by hand or by another tool."""
        return marker.read(self.description)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How far a plan may go.

    Args:
        owner: whose jobs are planned.
        ignore: tags of config.xml that are not looked at.
        adopt: jobs that are there and belong to nobody are taken over.
        adopt_from: an owner whose jobs are taken over where they are asked for; empty for none.
        replace: jobs of another type are deleted and made anew.
        trust: a job whose line has the right digest is taken for unchanged without reading its configuration.
    """

    owner: str
    ignore: Collection[str] = ()
    adopt: bool = False
    adopt_from: str = ""
    replace: bool = False
    trust: bool = False

    def foreign(self, mark: marker.Marker | None) -> bool:
        """Whether something belongs to somebody else, and is not to be taken over."""
        return mark is not None and mark.owner != self.owner and not self.inherited(mark)

    def inherited(self, mark: marker.Marker) -> bool:
        """Whether something is to be taken over from the owner that it has."""
        return mark.owner == self.adopt_from != self.owner


def marked(desired: Desired, rules: Rules) -> tuple[Element, str]:
    """The configuration with its owner's line, and its digest."""
    digest = meaning.digest(desired.config.tag, meaning.settings(desired.config, rules.ignore))
    children = []
    for each in desired.config.children:
        if each.tag == "description":
            each = each.with_text(marker.mark(each.text, rules.owner, digest))
        children.append(each)
    return desired.config.with_children(tuple(children)), digest


def needs_reading(desired: Desired, live: Live | None, rules: Rules) -> bool:
    """Whether the configuration of a job on the server has to be read to plan it."""
    if live is None or live.kind != classes.API_CLASSES[desired.config.tag]:
        return False
    mark = live.marker
    if rules.foreign(mark) or (desired.implied and mark is None):
        return False
    if mark is None or rules.inherited(mark):
        return True  # what taking it over would change is worth telling even where it is not allowed
    return not (rules.trust and mark.digest == marked(desired, rules)[1])


def action(
    desired: Desired, live: Live | None, config: Element | None, rules: Rules, inside: Sequence[str] = ()
) -> JobAction:
    """What has to be done about one job.

    Args:
        desired: what is asked for.
        live: what the server lists; None when it has no such job.
        config: its configuration, where `needs_reading` asks for it.
        rules: how far to go.
        inside: what lies in it, where it is a folder, and is not to be removed.
    """
    if live is None:
        return JobAction(name=desired.name, deed="create", kind=_word(desired))
    found = classes.TYPE_WORDS.get(live.kind, live.kind)
    mark = live.marker
    if desired.implied and live.kind == classes.API_CLASSES[classes.FOLDER]:
        if mark is None or rules.foreign(mark):
            return JobAction(name=desired.name, deed="nothing", kind="folder", note="is there, and is not ours")
    elif mark is not None and rules.foreign(mark):
        return _refused(desired, f"belongs to {mark.owner}: only what belongs to {rules.owner} is touched")
    if live.kind != classes.API_CLASSES[desired.config.tag]:
        if mark is not None and rules.inherited(mark):
            return _refused(desired, f"is there as a {found} of {mark.owner}: only its own owner deletes it")
        if mark is None and not rules.adopt:
            return _refused(desired, f"is there as a {found}, and was not made by jenkins-ml")
        if not rules.replace:
            return _refused(
                desired,
                f"is there as a {found}: it would have to be deleted with its builds and made anew (--replace)",
            )
        if inside:
            return _refused(desired, f"is there as a {found}, in which {_some(inside)}, which would be deleted too")
        note = f"the {found} is deleted with its builds"
        before = mark.digest if mark is not None else ""
        return JobAction(name=desired.name, deed="replace", kind=_word(desired), before=before, note=note)
    if config is None:
        return JobAction(name=desired.name, deed="nothing", kind=_word(desired), note="by its digest")
    return _compared(desired, config, rules)


def unreadable(desired: Desired, reason: str) -> JobAction:
    """The action for a job whose configuration the server does not give; the others are planned all the same."""
    return _refused(desired, f"its configuration cannot be read: {reason}")


def without_place(actions: Sequence[JobAction], live: Mapping[str, Live]) -> Iterator[JobAction]:
    """The same actions, where nothing is made in what is no folder and stays none."""
    barred: dict[str, str] = {}
    result: dict[str, JobAction] = {}
    for each in sorted(actions, key=lambda item: item.name.count("/")):
        found, parent = live.get(each.name), each.name.rpartition("/")[0]
        if each.deed == "create" and parent in barred:
            each = replace(
                each, deed="refuse", config="", note=f"{barred[parent]!r}, in which it would lie, is refused"
            )
        if each.deed == "refuse" and (found is None or found.kind != classes.API_CLASSES[classes.FOLDER]):
            barred[each.name] = barred.get(parent, each.name)
        result[each.name] = each
    yield from (result[each.name] for each in actions)


def removals(live: Iterable[Live], asked_for: Collection[str], rules: Rules) -> Iterator[JobAction]:
    """What is ours on the server and no longer asked for, the innermost first.

    A folder stays when something lies in it that is not removed too: deleting it would delete that as well.
    """
    everything = sorted(live, key=lambda each: each.name)
    ours = [each for each in everything if each.marker is not None and each.marker.owner == rules.owner]
    going = {each.name for each in ours} - set(asked_for)
    inside: dict[str, list[str]] = {}
    for each in everything:
        parent = each.name.rpartition("/")[0]
        inside.setdefault(parent, []).append(each.name)
    for each in sorted(ours, key=lambda item: (-item.name.count("/"), item.name)):
        if each.name not in going:
            continue
        kind = classes.TYPE_WORDS.get(each.kind, each.kind)
        if kind == "folder" and (left := [name for name in inside.get(each.name, ()) if name not in going]):
            going.discard(each.name)
            yield JobAction(name=each.name, deed="nothing", kind=kind, note=f"stays: in it {_some(left)}")
        else:
            yield JobAction(name=each.name, deed="delete", kind=kind, before=each.marker.digest if each.marker else "")


def state(config: Element, rules: Rules) -> str:
    """A digest of everything about a live job that a plan rests on: when it is another one, the plan is stale.

    What its Jenkinsfile writes into it is not among it: it stays, and the next build may write something else.
    """
    settings = difference.without(meaning.settings(config, rules.ignore), jenkinsfile.own(config))
    return meaning.digest(config.tag, settings)


def satisfied(config: Element, live: Element, rules: Rules) -> bool:
    """Whether a live job means already what a configuration, with its owner's line, would make of it."""
    return state(merged(config, live, rules.ignore), rules) == state(live, rules)


def parents(names: Collection[str]) -> Iterator[str]:
    """The folders that names lie in and that are not among them, outermost first."""
    missing = set()
    for name in names:
        parts = name.split("/")
        missing |= {"/".join(parts[:length]) for length in range(1, len(parts))}
    yield from sorted(missing - set(names), key=lambda name: (name.count("/"), name))


def _compared(desired: Desired, config: Element, rules: Rules) -> JobAction:
    if meaning.redacted(config):
        return _refused(
            desired,
            "was read with its secrets left out, and writing it would destroy them: the token needs Job/Configure",
        )
    text = config.child("description")
    mark = marker.read(text.text if text is not None else None)  # the listing is older
    if mark is not None and rules.foreign(mark):
        return _refused(desired, f"belongs to {mark.owner} by now: only what belongs to {rules.owner} is touched")
    own = jenkinsfile.own(config)
    # What will be sent is held against what is there: so what is told is what will be done, and all of it.
    sent, digest = marked(desired, rules)
    asked = _described(merged(sent, config, rules.ignore), rules)
    changes = tuple(
        JobChange(setting=each.setting, before=each.before, after=each.after)
        for each in difference.changes(asked, _described(config, rules), own)
    )
    note = ""
    if overruled := difference.overruled(meaning.settings(desired.config, rules.ignore), own):
        note = f"its Jenkinsfile has the last word on {', '.join(overruled)}"
    deed: JobDeed = "update"
    if mark is None:
        if not rules.adopt:
            return replace(
                _refused(desired, "is there, and was not made by jenkins-ml: --adopt takes it over"), changes=changes
            )
        deed = "adopt"
    elif rules.inherited(mark):
        deed, note = "adopt", f"from {mark.owner}" + (f"; {note}" if note else "")
    elif not changes and mark.digest == digest:
        deed = "nothing"
    elif not changes:
        note = "only the digest in its description is renewed"
    return JobAction(
        name=desired.name, deed=deed, kind=_word(desired), changes=changes, before=state(config, rules), note=note
    )


def _described(config: Element, rules: Rules) -> Settings:
    """Its settings, the description without the owner's line."""
    settings = dict(meaning.settings(config, rules.ignore))
    if text := settings.pop(("description",), ""):
        mark = marker.read(text)
        if text := mark.text if mark is not None else marker.tidied(text):
            settings["description",] = text
    return settings


def _some(names: Sequence[str]) -> str:
    return f"lies {names[0]!r}" + (f" (and {len(names) - 1} more)" if len(names) > 1 else "")


def _refused(desired: Desired, note: str) -> JobAction:
    return JobAction(name=desired.name, deed="refuse", kind=_word(desired), note=note)


def _word(desired: Desired) -> str:
    return classes.TYPE_WORDS[classes.API_CLASSES[desired.config.tag]]
