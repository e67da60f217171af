"""Reads a picture as whoever draws it does."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from jenkins_ml.reporting.charts.picture import Picture

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: Picture) -> list[str | None]:
    """What stands in it, in the order in which it is drawn."""
    assert picture.svg is not None
    return [element.text for element in ET.fromstring(picture.svg).iter(SVG + "text")]


def numbers(picture: Picture, *names: str) -> list[float]:
    """The values of some attributes, such as all places from left to right."""
    assert picture.svg is not None
    elements = ET.fromstring(picture.svg).iter()
    return [float(element.attrib[name]) for element in elements for name in names if name in element.attrib]
