"""What the proxy counted: of recorded answers of HAProxy 2.6."""

from hypothesis import given
from hypothesis import strategies as st

from jenkins_ml.adapters.docker.counters import Snapshot, servers, snapshot
from jenkins_ml.core.judge import Window
from jenkins_ml.rendering.haproxy import BINS, FAILED, SLOW

STAT = """\
# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,act,bck,chkfail,\
chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,check_code,\
check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate,req_rate_max,req_tot,cli_abrt,\
srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,
rest,v3,0,0,0,1,,22,1386,1166,,0,,0,14,0,4,UP,100,1,0,0,0,77,0,,1,3,1,,22,,2,0,,4,L7OK,200,1,0,4,0,0,0,0,,,,4,0,0,,,,,4,,,
rest,v4,0,0,2,1,,46,2898,1156,,0,,8,4,38,18,DOWN,5,1,0,2,1,77,0,,1,3,2,,46,,2,0,,4,L4CON,,0,0,0,0,0,4,0,,,,4,0,0,,,,,4,Connection refused,,
pinned,v3,0,0,0,0,,0,0,0,,0,,0,7,0,0,no check,1,1,0,,,77,,,1,5,1,,0,,2,0,,0,,,,0,0,0,0,0,0,,,,0,0,0,,,,,-1,,,
"""

TABLE = """\
# table: seen, type: string, size:1024, used:4
0x7f553c0ca6f8: key=v3/+1 use=0 exp=0 gpc0=4 gpc1=34 gpc2=0 gpc15=10 gpc16=2
0x5613438fa6b8: key=v3/0 use=0 exp=0 gpc0=7 gpc1=5 gpc2=0 gpc15=1 gpc16=3
0x7f553c0ca9f8: key=v4/+1 use=0 exp=0 gpc0=0 gpc1=9 gpc2=0 gpc15=0 gpc16=0
0x5613438fa8e8: key=v4/1 use=0 exp=0 shard=0 gpc0=0 gpc1=2 gpc2=0 gpc15=2 gpc16=1
"""


def test_servers_are_read_with_what_they_did_not_answer():
    one, two, pinned = servers(STAT)
    assert (one.backend, one.version, one.weight, one.sessions, one.unanswered, one.up) == ("rest", 3, 100, 0, 14, True)
    assert (two.version, two.status, two.sessions, two.unanswered, two.up) == (4, "DOWN", 2, 12, False)
    assert two.check == "L4CON Connection refused"
    assert pinned.up


def test_a_request_counts_for_the_version_that_it_was_first_put_to():
    now = snapshot(TABLE, servers(STAT))
    # 12 at once, of them one failed; 9 that version 4 answered instead; 12 that version 4 did not answer either.
    assert now.window(3, 4) == Window(requests=12 + 9 + 12, failed=1 + 9 + 12, slow=3, latencies=(7, 5, *[0] * 13))
    # None at once; 2 failed twice; 38 that version 3 answered instead; 14 that version 3 did not answer either.
    assert now.window(4, 3) == Window(requests=2 + 38 + 14, failed=2 + 38 + 14, latencies=(0,) * BINS)


def test_a_version_alone_has_its_own_failures():
    now = snapshot(TABLE, servers(STAT))
    assert now.window(3, None) == Window(requests=12 + 14, failed=1 + 14, slow=3, latencies=(7, 5, *[0] * 13))


def test_a_user_mistake_is_no_failure():
    text = "0x1: key=v3/0 use=0 exp=0 gpc0=5 gpc15=0 gpc16=0\n"  # 400s are among gpc0
    assert snapshot(text, []).window(3, None).failed == 0


COUNTS = st.lists(st.integers(0, 1000), min_size=SLOW + 1, max_size=SLOW + 1).map(tuple)
SNAPSHOTS = st.builds(
    Snapshot,
    st.dictionaries(st.tuples(st.integers(1, 3), st.sampled_from(["", "again", "other"])), COUNTS),
    st.dictionaries(st.integers(1, 3), st.integers(0, 1000)),
)


def plus(one, other):
    keys = one.answered.keys() | other.answered.keys()
    none = (0,) * (SLOW + 1)
    answered = {
        key: tuple(a + b for a, b in zip(one.answered.get(key, none), other.answered.get(key, none), strict=True))
        for key in keys
    }
    versions = one.unanswered.keys() | other.unanswered.keys()
    return Snapshot(answered, {v: one.unanswered.get(v, 0) + other.unanswered.get(v, 0) for v in versions})


@given(SNAPSHOTS, SNAPSHOTS, st.integers(1, 3), st.sampled_from([None, 1, 2, 3]))
def test_what_came_after_is_what_was_added(before, added, version, other):
    assert plus(before, added).since(before).window(version, other) == added.window(version, other)


@given(SNAPSHOTS)
def test_a_proxy_that_started_anew_counts_from_nothing(before):
    now = Snapshot({(1, ""): (1,) * (SLOW + 1)}, {1: 1})
    higher = plus(plus(before, now), now)
    assert now.since(higher) == now


@given(SNAPSHOTS, st.integers(1, 3), st.integers(1, 3))
def test_never_more_failures_than_requests(now, version, other):
    counts = {
        key: (*each[:BINS], min(each[FAILED], sum(each[:BINS])), each[SLOW]) for key, each in now.answered.items()
    }
    window = Snapshot(counts, now.unanswered).window(version, other)
    assert 0 <= window.failed <= window.requests
