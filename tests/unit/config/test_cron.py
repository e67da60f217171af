"""Jenkins' cron syntax: what its grammar takes, and why the rest is refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.config.cron import checked

MOST = 2**31 - 1  # of Java's int


@pytest.mark.parametrize(
    "text",
    [
        "* * * * *",
        "H 3 * * *",
        "H/15 * * * *",
        "H(0-29)/10 * * * *",
        "H,30 8-18/2 1,15 * 1-5",
        "*/100 * * * *",  # a long step of * is taken: it chooses the first
        "0\t0 \t1 1 0",
        "0 0 * * 7",
        "59 23 31 12 6",
        "0 0 29 2 *",
        "0 0 31 1,2 *",
        "0 0 H(29-31) 2 *",
        "1,1,H,*,2-4/2,H(3-4) * * * *",
        "0000000000000005 * * * *",
        f"*/{MOST} * * * *",
        "  H 3 * * *  \n",
        "# nightly\n\nH 3 * * *\r\n0 12 * * 6",
        "TZ=Europe/Berlin\nH 3 * * *",
        " TZ=UTC\n@daily",
        "TZ=PST\n@daily",  # Java's own
        *["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"],
    ],
)
def test_what_jenkins_reads_stays_as_it_is(text):
    assert checked(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a schedule is needed, such as `H 3 * * *`"),
        ("\n# nightly\n", "a schedule is needed, such as `H 3 * * *`"),
        ("TZ=UTC", "a schedule is needed, such as `H 3 * * *`"),
        (
            "every day",
            "`every day`: 2 fields instead of five: minute, hour, day of the month, month, day of the week",
        ),
        (
            "0 0 3 * * *",
            "`0 0 3 * * *`: 6 fields instead of five: minute, hour, day of the month, month, day of the week",
        ),
        ("60 * * * *", "`60 * * * *`: minute '60': 60 is not from 0 to 59"),
        ("* 24 * * *", "`* 24 * * *`: hour '24': 24 is not from 0 to 23"),
        ("* * 0 * *", "`* * 0 * *`: day of the month '0': 0 is not from 1 to 31"),
        ("* * * 13 *", "`* * * 13 *`: month '13': 13 is not from 1 to 12"),
        ("* * * * 8", "`* * * * 8`: day of the week '8': 8 is not from 0 to 7"),
        ("30-10 * * * *", "`30-10 * * * *`: minute '30-10': 30 is more than 10"),
        ("1-99 * * * *", "`1-99 * * * *`: minute '1-99': 99 is not from 0 to 59"),
        ("*/0 * * * *", "`*/0 * * * *`: minute '*/0': a step is at least 1"),
        ("5/10 * * * *", "`5/10 * * * *`: minute '5/10': a step needs a range, `*` or `H` before it"),
        ("H/61 * * * *", "`H/61 * * * *`: minute 'H/61': a step of H is at most 60 here"),
        ("H(0-9)/11 * * * *", "`H(0-9)/11 * * * *`: minute 'H(0-9)/11': a step of H is at most 10 here"),
        ("H(9-8) * * * *", "`H(9-8) * * * *`: minute 'H(9-8)': 9 is more than 8"),
        ("H(9-0) * * * *", "`H(9-0) * * * *`: minute 'H(9-0)': 9 is more than 0"),
        ("* * H/29 * *", "`* * H/29 * *`: day of the month 'H/29': a step of H is at most 28 here"),
        ("1, * * * *", "`1, * * * *`: minute '' is no number, range, `*` or `H`"),
        ("h * * * *", "`h * * * *`: minute 'h' is no number, range, `*` or `H`: write a capital H"),
        ("0 0 ? * *", "`0 0 ? * *`: day of the month '?' is no number, range, `*` or `H`: write `*`"),
        (
            "0 0 * JAN *",
            "`0 0 * JAN *`: month 'JAN' is no number, range, `*` or `H`: "
            "names of months and days are not known, write numbers",
        ),
        ("\uff11 * * * *", "`\uff11 * * * *`: minute '\uff11' is no number, range, `*` or `H`"),
        ("4294967296 * * * *", "`4294967296 * * * *`: 4294967296 is too large a number"),
        ("0 0 31 2,4 *", "`0 0 31 2,4 *`: no such month has a day 31: it never starts"),
        (
            "@noon",
            "`@noon`: Jenkins knows @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly",
        ),
        ("* * * * *\n* * * *", "line 2, `* * * *`: 4 fields instead of five: "),
        ("* * * * *\rH 3 * * *", "9 fields instead of five"),
        ("* * * *\r*", "4 fields instead of five"),
        ("TZ=Europe/Berlni\n@daily", "time zone 'Europe/Berlni' is not known: did you mean Europe/Berlin?"),
        ("TZ=GMT+1\n@daily", "time zone 'GMT+1' is not known: "),
        ("TZ=\n@daily", "time zone '' is not known: write one such as TZ=Europe/Berlin"),
        ("@daily\nTZ=UTC", "line 2, `TZ=UTC`: the time zone stands in the first line"),
        (f"*/{MOST + 1} * * * *", f"{MOST + 1} is too large a number"),
    ],
)
def test_what_jenkins_would_not_start_is_refused_with_the_reason(text, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at as a whole
        checked(text)
    assert message in str(caught.value)


def test_without_a_time_zone_database_any_name_is_believed(monkeypatch):
    monkeypatch.setattr("zoneinfo.available_timezones", set)
    assert checked("TZ=Europe/Berlni\n@daily")
    with pytest.raises(ValueError, match="time zone"):
        checked("TZ=\n@daily")


BOUNDS = ((0, 59), (0, 23), (1, 28), (1, 12), (0, 6))


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> str:
    def term() -> str:
        first, last = sorted(draw(st.tuples(st.integers(low, high), st.integers(low, high))))
        step = draw(st.integers(1, last - first + 1))
        shape = draw(
            st.sampled_from(["*", "{0}", "{0}-{1}", "{0}-{1}/{2}", "*/{2}", "H", "H({0}-{1})", "H({0}-{1})/{2}"])
        )
        return shape.format(first, last, step)

    return ",".join(term() for _ in range(draw(st.integers(1, 3))))


@given(st.tuples(*(fields(*bounds) for bounds in BOUNDS)))
def test_whatever_the_grammar_makes_is_taken(parts):
    text = " ".join(parts)
    assert checked(text) == text


@given(st.text(alphabet="0123456789H*/-,()@ \t\n#TZ=", max_size=20))
def test_anything_else_is_refused_as_a_value(text):
    with contextlib.suppress(ValueError):
        assert checked(text) == text


# --- each field by itself ---------------------------------------------------------------------------------------------
TAKEN = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
HASHED = (60, 24, 28, 12, 7)  # how many values a plain H chooses from: no day after the 28th, and Sunday once


def with_field(index: int, text: str) -> str:
    parts = ["*"] * 5
    parts[index] = text
    return " ".join(parts)


def why_not(text: str) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is what is looked at
        checked(text)
    return str(caught.value)


@given(index=st.integers(0, 4), number=st.integers(0, 100))
def test_numbers_are_taken_within_the_bounds_of_their_field_only(index, number):
    least, most = TAKEN[index]
    for text in (f"{number}", f"{number}-{most}", f"H({number}-{most})", f"{most},{number}"):
        if least <= number <= most:
            assert checked(with_field(index, text))
        else:
            assert f"{number} is not from {least} to {most}" in why_not(with_field(index, text))


@given(data=st.data(), index=st.integers(0, 4))
def test_ranges_rise(data, index):
    first, last = data.draw(st.tuples(*[st.integers(*TAKEN[index])] * 2), label="range")
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


@pytest.mark.parametrize(
    "term",
    [",", "1,", ",1", "1,,2", "1-", "-1", "1-2-3", "1--2", "**", "*-5", "*/", "*/-1", "*/5/5", "*/H", "/5", "+5", "1.5",
     "H-5", "5-H", "HH", "H5", "H()", "H(5)", "H(1,5)", "H(*)", "H(1-5", "H1-5)", "H(1-5)/", "H/", "H(H)", "L", "1W", "1#2",
     "٣", "1_0", "0x5", "*\v", "*\xa0", "*\u2028", "*\x85*"],
)  # fmt: skip
def test_what_is_no_term_is_refused_in_every_field(term):
    for index in range(5):
        assert "is no number, range, `*` or `H`" in why_not(with_field(index, f"1,{term},1"))


# Jenkins reads no further than an alias: what stands behind it would never start anything.
@pytest.mark.parametrize("alias", ["@reboot", "@Daily", "@ daily", "@", "@daily @hourly", "@daily * * * * *"])
def test_an_alias_stands_alone(alias):
    assert why_not(alias).startswith(f"`{alias}`: Jenkins knows @yearly, ")


@pytest.mark.parametrize("zone", ["GMT+0", "GMT-0", "ROC", "Factory", "localtime", "utc", " UTC", "UTC # here"])
def test_what_java_has_no_time_zone_of_is_refused(zone):
    assert f"time zone {zone!r} is not known" in why_not(f"TZ={zone}\n@daily")


@pytest.mark.parametrize(
    "text", ["1" * 100_000, " ".join(["1" * 5_000] * 5), "*/" + "9" * 5_000 + " * * * *", "@" + "a" * 9_000]
)
def test_a_message_stays_short(text):
    assert len(why_not(text)) < 250
