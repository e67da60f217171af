"""Which schedules Jenkins reads, which it refuses, and what is said of those."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.config.cron import checked

MOST = 2**31 - 1

# minute, hour, day of the month, month, day of the week: the least and the most that Jenkins takes
BOUNDS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]
# the most values that a plain H chooses from: no day after the 28th, and Sunday once
HASHED = [60, 24, 28, 12, 7]


def with_field(index: int, text: str) -> str:
    fields = ["*"] * 5
    fields[index] = text
    return " ".join(fields)


def why_not(text: str) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        checked(text)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "* * * * *",
        "0 0 1 1 0",
        "59 23 31 12 7",
        "H H H H H",
        "H/15 H/6 H/7 H/3 H/2",
        "H(0-29)/10 H(9-16) H(1-31) H(1-12) H(0-7)",
        "H(0-15)/3 * * * *",
        "H(0-3)/4 * * * *",
        "H(5-5) * * * *",
        "*/15 * * * *",
        "*/1 * * * *",
        "*/100 * * * *",
        f"*/{MOST} * * * *",
        "0 0 * 1-10/3 *",
        "0-59/60 5-5 * * 1-5",
        "00 022 * * 6",
        "0000000000000005 * * * *",
        "0,15,30,45 * * * *",
        "1,1,H,*,2-4/2,H(3-4) * * * *",
        "0 0 29 2 *",
        "0 0 31 2,3 *",
        "0 0 30,28 2 *",
        "0 0 H 2 *",
        "0 0 1 * 0",
        "0\t3  * \t* *",
    ],
)
def test_what_jenkins_reads_is_taken_as_it_is(text):
    assert checked(text) == text


@pytest.mark.parametrize("name", ["yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly"])
def test_every_alias_of_jenkins_is_taken(name):
    assert checked(f"@{name}") == f"@{name}"


# Jenkins reads no further than an alias: what stands behind it would never start anything.
@pytest.mark.parametrize("alias", ["@reboot", "@Daily", "@ daily", "@", "@daily @hourly", "@daily * * * * *"])
def test_other_aliases_are_refused_with_those_there_are(alias):
    assert why_not(alias) == (
        f"`{alias}`: Jenkins knows @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly"
    )


@pytest.mark.parametrize(
    "text",
    [
        "H 3 * * *\n",
        "\nH 3 * * *",
        "  H 3 * * *\t ",
        "# nightly\nH 3 * * *",
        "  # nightly: 99 99\n\n  H 3 * * *  \n# and at noon\n0 12 * * *\n\n",
        "H 3 * * *\r\n@weekly\r\n",
        "TZ=Europe/Berlin\nH 3 * * *",
        "  TZ=UTC  \r\n@daily",
        "TZ=America/Argentina/Buenos_Aires\n# comment\n@daily",
        "TZ=Etc/GMT+5\n@daily",
        "TZ=PST\n@daily",  # Java's alone
    ],
)
def test_several_lines_comments_and_a_time_zone(text):
    assert checked(text) == text


@pytest.mark.parametrize("text", ["", " ", "\n\n", "# nothing", "TZ=UTC", "TZ=UTC\n# nothing\n"])
def test_nothing_to_start_is_refused(text):
    assert why_not(text) == "a schedule is needed, such as `H 3 * * *`"


@pytest.mark.parametrize(
    ("zone", "hint"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin?"),
        ("Europe/Berlin # home", "did you mean Europe/Berlin?"),
        (" Europe/Berlin", "did you mean Europe/Berlin?"),
        ("1234567890", "write one such as TZ=Europe/Berlin"),
        ("", "write one such as TZ=Europe/Berlin"),
    ],
)
def test_an_unknown_time_zone_is_refused_with_the_nearest(zone, hint):
    assert why_not(f"TZ={zone}\n@daily") == f"time zone {zone!r} is not known: {hint}"


@pytest.mark.parametrize("zone", ["GMT+1", "GMT+0", "GMT-0", "ROC", "Factory", "localtime", "utc", "SomeWhere/Else"])
def test_what_java_has_no_time_zone_of_is_refused(zone):
    assert f"time zone {zone!r} is not known" in why_not(f"TZ={zone}\n@daily")


def test_a_time_zone_stands_in_the_first_line():
    assert why_not("# night\nTZ=UTC\n@daily") == "line 2, `TZ=UTC`: the time zone stands in the first line"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("H 3 * *", "4 fields instead of five: minute, hour, day of the month, month, day of the week"),
        ("H", "1 field instead of five: minute, hour, day of the month, month, day of the week"),
        ("0 H 3 * * *", "6 fields instead of five: minute, hour, day of the month, month, day of the week"),
        ("H 3 * * * # nightly", "7 fields instead of five: minute, hour, day of the month, month, day of the week"),
        ("H 3 * * MON", "day of the week 'MON' is no number, range, `*` or `H`: names of months and days are not known, write numbers"),
        ("H 3 * jan-mar *", "month 'jan-mar' is no number, range, `*` or `H`: names of months and days are not known, write numbers"),
        ("H 3 ? * 1", "day of the month '?' is no number, range, `*` or `H`: write `*`"),
        ("h 3 * * *", "minute 'h' is no number, range, `*` or `H`: write a capital H"),
        ("h/5 3 * * *", "minute 'h/5' is no number, range, `*` or `H`: write a capital H"),
        ("5/10 * * * *", "minute '5/10': a step needs a range, `*` or `H` before it"),
        ("*/0 * * * *", "minute '*/0': a step is at least 1"),
        ("H/0 * * * *", "minute 'H/0': a step is at least 1"),
        ("1-5/0 * * * *", "minute '1-5/0': a step is at least 1"),
        ("30-10 * * * *", "minute '30-10': 30 is more than 10"),
        ("H(30-10) * * * *", "minute 'H(30-10)': 30 is more than 10"),
        ("H(5-4) * * * *", "minute 'H(5-4)': 5 is more than 4"),
        ("H(0-3)/15 * * * *", "minute 'H(0-3)/15': a step of H is at most 4 here"),
        ("* H(20-24) * * *", "hour 'H(20-24)': 24 is not from 0 to 23"),
        ("0 0 31 2 *", "no such month has a day 31: it never starts"),
        ("0 0 30-31 2 *", "no such month has a day 30: it never starts"),
        ("0 0 31 2,4,6,9,11 *", "no such month has a day 31: it never starts"),
        (f"*/{MOST + 1} * * * *", f"{MOST + 1} is too large a number"),
    ],
)  # fmt: skip
def test_what_jenkins_refuses_is_said_with_its_reason(text, message):
    assert why_not(text) == f"`{text}`: {message}"


@pytest.mark.parametrize(
    "term",
    [",", "1,", ",1", "1,,2", "1-", "-1", "1-2-3", "1--2", "**", "*-5", "*/", "*/-1", "*/5/5", "*/H", "/5", "+5", "1.5",
     "H-5", "5-H", "HH", "H5", "H()", "H(5)", "H(1,5)", "H(*)", "H(1-5", "H1-5)", "H(1-5)/", "H/", "H(H)", "L", "1W", "1#2",
     "٣", "1_0", "0x5"],
)  # fmt: skip
def test_what_is_no_term_is_refused_in_every_field(term):
    for index in range(5):
        assert why_not(with_field(index, term))


@pytest.mark.parametrize("blank", ["\v", "\f", "\r", "\u00a0", "\u2003", "\u2028", "\x85"])
def test_only_spaces_and_tabs_part_the_fields(blank):
    assert why_not(f"H 3{blank}* * *")
    assert why_not(f"H 3 *{blank}* * *")


def test_one_bad_line_of_several_is_named():
    assert why_not("TZ=UTC\n@daily\n\n 61 * * * * \n") == "line 4, `61 * * * *`: minute '61': 61 is not from 0 to 59"


@pytest.mark.parametrize(
    "text", ["1" * 100_000, " ".join(["1" * 5_000] * 5), "*/" + "9" * 5_000 + " * * * *", "@" + "a" * 9_000]
)
def test_a_message_stays_short(text):
    assert len(why_not(text)) < 250


@given(data=st.data(), index=st.integers(0, 4))
def test_numbers_are_taken_within_the_bounds_of_their_field_only(data, index):
    least, most = BOUNDS[index]
    number = data.draw(st.integers(0, 100), label="number")
    for text in (f"{number}", f"{number}-{most}", f"H({number}-{most})", f"{most},{number}"):
        if least <= number <= most:
            assert checked(with_field(index, text))
        else:
            assert f"{number} is not from {least} to {most}" in why_not(with_field(index, text))


@given(data=st.data(), index=st.integers(0, 4))
def test_ranges_rise(data, index):
    first, last = data.draw(st.tuples(*[st.integers(*BOUNDS[index])] * 2), label="range")
    for text in (f"{first}-{last}", f"H({first}-{last})", f"{first}-{last}/2000"):
        if first <= last:
            assert checked(with_field(index, text))
        else:
            assert f"{first} is more than {last}" in why_not(with_field(index, text))


@given(index=st.integers(0, 4), step=st.integers(1, 70))
def test_a_step_of_h_fits_into_what_h_chooses_from(index, step):
    if step <= HASHED[index]:
        assert checked(with_field(index, f"H/{step}"))
    else:
        assert f"a step of H is at most {HASHED[index]} here" in why_not(with_field(index, f"H/{step}"))
    assert checked(with_field(index, f"*/{step}"))


@given(st.text(alphabet="0123456789 */-,H()@#TZ=\r\n\t", max_size=30))
def test_any_text_is_taken_as_it_is_or_refused_as_a_value_error(text):
    with contextlib.suppress(ValueError):
        assert checked(text) == text
