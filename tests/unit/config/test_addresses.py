"""Addresses of services: what every program reads as one, and what is refused where it is written."""

import pytest

from jenkins_ml.config.loader import loads
from jenkins_ml.errors import ConfigurationError

HEAD = 'model: digits\ndata: {load: "data:load"}\ntrain: {entrypoint: "train:train"}\n'
PLACES = {
    "monitor.pipeline.pushgateway": 'monitor: {pipeline: {pushgateway: "%s"}}',
    "monitor.prometheus.url": 'monitor: {prometheus: {url: "%s"}}',
    "monitor.alerts.hook.url": 'monitor: {alerts: {hook: {url: "%s", token_file: t}}}',
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "address",
    ["http://a", "https://a-b.example.com./", "http://a_b:9091/x/y;z", "http://[::1]:1/%20", "http://127.0.0.1:65535"],
)
def test_an_address(place, address):
    assert loads(HEAD + PLACES[place] % address).monitor is not None


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://a:65536", "there is no port 65536"),
        ("http://a:0/", "there is no port 0"),
        *(
            (each, "write an address such as")
            for each in (
                "http://a:b",
                "http://a:",
                "http://:1",
                "http://[::1",
                "http://[ab]",
                "http://a/%zz",
                "http://é",
            )
        ),
    ],
)
def test_what_is_none_is_refused_at_its_place(place, address, told):
    with pytest.raises(ConfigurationError) as caught:
        loads(HEAD + PLACES[place] % address)
    assert f"{place}: {told}" in str(caught.value)
