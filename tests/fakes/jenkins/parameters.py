"""Parameters of a job: what is declared, and what a request gives."""

from typing import Any

from tests.fakes.jenkins.builds import Parameter
from tests.fakes.jenkins.dom import Node
from tests.fakes.jenkins.items import Item
from tests.fakes.jenkins.messages import Request

_PROPERTY = "hudson.model.ParametersDefinitionProperty"


class BadValue(Exception):
    """A value that the parameter cannot have."""


def definitions(job: Item) -> list[Node]:
    found = job.read.find("properties", _PROPERTY, "parameterDefinitions")
    return found.elements if found else []


def _kind(definition: Node) -> str:
    return definition.tag.rpartition(".")[2].removesuffix("ParameterDefinition")


def choices(definition: Node) -> list[str]:
    found = definition.find("choices")
    if found is None:
        return []
    inside = found.find("a") or found
    return [each.text for each in inside.elements]


def default(definition: Node) -> Parameter | None:
    kind, name = _kind(definition), definition.text_of("name") or ""
    text = definition.text_of("defaultValue")
    if kind == "Choice":
        return Parameter("String", name, next(iter(choices(definition)), None))
    if kind == "Boolean":
        return Parameter(kind, name, text == "true")
    if kind in ("String", "Text", "Password", "Credentials"):
        return Parameter(kind, name, text or "")
    return None


def given(job: Item, request: Request) -> list[Parameter]:
    """The values of buildWithParameters; raises BadValue."""
    found = []
    for definition in definitions(job):
        texts = request.all(definition.text_of("name") or "")
        if len(texts) > 1:
            raise BadValue(f"{definition.text_of('name')} stands there twice")
        value = _value(definition, texts[0]) if texts else default(definition)
        if value is not None:
            found.append(value)
    return found


def submitted(job: Item, form: Any) -> list[Parameter]:
    """The values of a form's JSON; raises BadValue."""
    listed = form.get("parameter", []) if isinstance(form, dict) else []
    listed = [listed] if isinstance(listed, dict) else listed
    known = {definition.text_of("name"): definition for definition in definitions(job)}
    found = []
    for each in listed:
        if each.get("name") not in known:
            raise BadValue(each.get("name"))
        value = _value(known[each["name"]], str(each.get("value", "")))
        if value is not None:
            found.append(value)
    return found


def _value(definition: Node, text: str) -> Parameter | None:
    kind, name = _kind(definition), definition.text_of("name") or ""
    if kind == "Choice":
        if text not in choices(definition):
            raise BadValue(f"{text} is none of the choices of {name}")
        return Parameter("String", name, text)
    if kind == "Boolean":
        return Parameter(kind, name, text.lower() == "true")
    if kind == "String" and definition.text_of("trim") == "true":
        text = text.strip()
    return Parameter(kind, name, text) if kind in ("String", "Text", "Password", "Credentials", "Run") else None


def shown(definition: Node) -> dict[str, Any]:
    """A definition as the API shows it."""
    kind, value = _kind(definition), default(definition)
    out: dict[str, Any] = {"_class": definition.tag.replace("__", "_")}
    if value is None:
        out["defaultParameterValue"] = None
    else:
        out["defaultParameterValue"] = value.json
    out |= {"description": definition.text_of("description"), "name": definition.text_of("name")}
    out["type"] = f"{kind}ParameterDefinition"
    return out | {"choices": choices(definition)} if kind == "Choice" else out
