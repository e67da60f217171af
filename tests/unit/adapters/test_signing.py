"""Signatures by the real ssh-keygen."""

import contextlib
import fcntl
import os
import re
import subprocess
import sys
import termios

import pytest

from jenkins_ml.adapters import signing
from jenkins_ml.errors import GateRejected, IntegrityError, UsageError
from tests.fakes.ssh_keys import line, make_key

pytestmark = pytest.mark.ssh
MESSAGE = b'{"an": "approval"}\n'


@pytest.fixture(scope="module")
def alice(tmp_path_factory):
    return make_key(tmp_path_factory.mktemp("keys"), "alice")


@pytest.fixture(scope="module")
def mallory(tmp_path_factory):
    return make_key(tmp_path_factory.mktemp("keys"), "mallory")


@pytest.fixture(scope="module")
def signature(alice):
    return signing.sign(MESSAGE, alice, terminal=False)


@pytest.fixture
def signers(tmp_path):
    """Writes a file of signers."""

    def write(*lines):
        file = tmp_path / "signers"
        file.write_text("\n".join(lines))
        return file

    return write


def test_who_signed_is_told_by_the_name_in_the_file(alice, mallory, signature, signers):
    both = signers(line("mallory@example.com", mallory), line("alice@example.com", alice, 'namespaces="jenkins-ml"'))
    assert signing.signer(MESSAGE, signature, both) == "alice@example.com"


def test_the_fingerprint_is_that_of_the_key(alice, signature):
    shown = subprocess.run(["ssh-keygen", "-lf", str(alice)], check=True, capture_output=True, text=True).stdout
    assert signing.fingerprint(MESSAGE, signature) == shown.split()[1]


@pytest.mark.parametrize(
    "changed",
    [
        lambda message, signature: (message.replace(b"an", b"no"), signature),
        lambda message, signature: (message, ""),
        lambda message, signature: (
            message,
            "-----BEGIN SSH SIGNATURE-----\nU1NIU0lHAAAAAQ==\n-----END SSH SIGNATURE-----\n",
        ),
        lambda message, signature: (message, signature.replace("U1NIU0lH", "U1NIU0lI")),
        lambda message, signature: (b"", signature),
    ],
)
def test_what_was_changed_is_no_signature(alice, signature, signers, changed):
    message, signature = changed(MESSAGE, signature)
    with pytest.raises(IntegrityError, match="does not belong to what is signed"):
        signing.signer(message, signature, signers(line("alice@example.com", alice)))


def test_a_signature_that_was_given_for_something_else_is_none(alice, signers, tmp_path):
    file = tmp_path / "message"
    file.write_bytes(MESSAGE)
    subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-f", str(alice), "-n", "git", str(file)], check=True, capture_output=True
    )
    with pytest.raises(IntegrityError, match="does not belong"):
        signing.signer(MESSAGE, file.with_suffix(".sig").read_text(), signers(line("alice@example.com", alice)))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ('valid-before="20200101"', r"\(1: key has expired: .*valid-before"),
        ('valid-after="21000101"', r"\(1: key is not yet valid"),
        ('namespaces="git"', r"\(1: key is not permitted for use in signature namespace"),
    ],
)
def test_a_key_that_does_not_count_is_said_with_the_reason(alice, signature, signers, options, why):
    with pytest.raises(GateRejected, match=r"the key SHA256:\S+ may not approve releases ") as caught:
        signing.signer(MESSAGE, signature, signers(line("alice@example.com", alice, options)))
    assert re.search(why, caught.value.what)


@pytest.mark.parametrize("others", [[], ["# nobody yet"], ["not a line at all"]])
def test_a_key_that_nobody_knows_does_not_count(mallory, signature, signers, others):
    file = signers(*others, line("mallory@example.com", mallory))
    with pytest.raises(GateRejected, match="may not approve releases") as caught:
        signing.signer(MESSAGE, signature, file)
    assert "have it added there" in caught.value.next_step
    assert str(file) in caught.value.next_step


def test_a_key_in_an_agent_signs_by_its_public_part(alice, signature, signers, tmp_path, monkeypatch):
    agent = subprocess.run(["ssh-agent", "-s"], check=True, capture_output=True, text=True).stdout
    for name, value in re.findall(r"(SSH_\w+)=([^;]+);", agent):
        monkeypatch.setenv(name, value)
    try:
        subprocess.run(["ssh-add", "-q", str(alice)], check=True)
        public = tmp_path / "elsewhere.pub"
        public.write_text(alice.with_name("alice.pub").read_text())
        made = signing.sign(MESSAGE, public, terminal=False)
    finally:
        subprocess.run(["ssh-agent", "-k"], check=True, capture_output=True)
    assert signing.signer(MESSAGE, made, signers(line("alice@example.com", alice))) == "alice@example.com"


def test_a_key_with_a_passphrase_and_nobody_to_ask(tmp_path, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("SSH_ASKPASS", raising=False)
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    key = make_key(tmp_path, "locked", passphrase="a long one")
    with pytest.raises(UsageError, match=r"ssh-keygen could not sign with .*locked") as caught:
        signing.sign(MESSAGE, key, terminal=False)
    assert "ssh-agent" in caught.value.next_step


def test_at_a_terminal_the_passphrase_is_asked_for(tmp_path):
    key = make_key(tmp_path, "locked", passphrase="open sesame")
    ours, theirs = os.openpty()
    sign = (
        "import sys; from pathlib import Path; from jenkins_ml.adapters import signing\n"
        "print('made', signing.sign(b'x', Path(sys.argv[1]), terminal=True)[:29])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", sign, str(key)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    said = b""
    while b"passphrase" not in said:
        said += os.read(ours, 1000)
    os.write(ours, b"open sesame\n")
    with contextlib.suppress(OSError):  # how a terminal says that nobody is there any more
        while more := os.read(ours, 1000):
            said += more
    os.close(ours)
    assert process.wait(30) == 0
    assert b"made -----BEGIN SSH SIGNATURE-----" in said


def test_a_key_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="there is no key"):
        signing.sign(MESSAGE, tmp_path / "none", terminal=False)


def test_a_key_is_only_named_on_the_command_line(alice, tmp_path, monkeypatch):
    """Nothing of the message or the key stands where every process of the machine can read it."""
    program = tmp_path / "ssh-keygen"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(UsageError):
        signing.sign(MESSAGE, alice, terminal=False)
    assert (tmp_path / "arguments").read_text().split()[:7] == [
        "-q",
        "-Y",
        "sign",
        "-f",
        str(alice),
        "-n",
        "jenkins-ml",
    ]


def test_without_ssh_keygen(alice, signature, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for call in (lambda: signing.sign(MESSAGE, alice, terminal=False), lambda: signing.fingerprint(MESSAGE, signature)):
        with pytest.raises(UsageError, match="ssh-keygen, which is not on the PATH") as caught:
            call()
        assert "openssh-client" in caught.value.next_step
