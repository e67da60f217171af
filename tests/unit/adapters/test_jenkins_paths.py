import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.adapters.jenkins_paths import item_name, item_path
from jenkins_ml.errors import UsageError

PARTS = st.text(st.characters(exclude_categories=("C",), exclude_characters="/"), min_size=1, max_size=12).filter(
    lambda part: part not in (".", "..")
)
NAMES = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


def test_each_part_of_a_name_is_quoted():
    assert item_path("a/b c/x") == "job/a/job/b%20c/job/x"
    assert item_path("modèle/50%/a+b?#") == "job/mod%C3%A8le/job/50%25/job/a%2Bb%3F%23"
    assert item_path("multi/feature%2Fx") == "job/multi/job/feature%252Fx"


@given(NAMES)
def test_a_path_is_ascii_and_leads_back_to_its_name(name):
    path = item_path(name)
    assert path.isascii()
    assert len(path.split("/")) == 2 * len(name.split("/"))
    assert item_name(path) == name


@given(
    NAMES,
    st.sampled_from(["http://ci/", "https://ci.example:8443/jenkins/"]),
    st.sampled_from(["", "/", "/12/", "/12"]),
)
def test_an_address_leads_back_to_the_name_whatever_server_and_build(name, server, end):
    assert item_name(f"{server}{item_path(name)}{end}") == name


@pytest.mark.parametrize("url", ["", "http://ci/", "http://ci/queue/item/12/", "http://ci/computer/x/"])
def test_what_is_no_address_of_an_item_has_no_name(url):
    assert item_name(url) == ""


@pytest.mark.parametrize("name", ["", "/", "a//b", "a/../b", ".", "a/./b", "a\nb", "https://ci/job/a", "a/\x00"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(UsageError, match="no full name"):
        item_path(name)
