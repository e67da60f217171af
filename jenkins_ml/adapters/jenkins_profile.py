"""Which Jenkins server, and who we are there: from the environment, or a named profile in a file of the user.

The file is `$XDG_CONFIG_HOME/jenkins-ml/servers.toml` (`~/.config` where that is not set):

    [ci]
    url = "https://ci.example.com/jenkins"
    user = "ada"
    token_command = ["pass", "show", "jenkins"]     # or token = "...", or token_file = "..."

A token belongs to the URL beside it: a profile never takes one of these from the environment.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from jenkins_ml import names
from jenkins_ml.adapters import files
from jenkins_ml.errors import UsageError
from jenkins_ml.reporting.text import one_line

_TOKEN_KEYS: Final = ("token", "token_file", "token_command")
_KEYS: Final = ("url", "user", *_TOKEN_KEYS)
_COMMAND_SECONDS: Final = 60.0  # a password manager may ask its user first
_HOW: Final = (
    "an API token is made on the web page of your user at the server: Security, API Token, Add new token; "
    f"or name a profile of servers.toml by --profile or {names.ENV_JENKINS_PROFILE}"
)


@dataclass(frozen=True)
class Profile:
    """A server and an account there.

    Args:
        url: the address of its start page, a path prefix included, with a slash at the end.
        user: the ID of the user.
        token: an API token of that user; a password works too.
    """

    url: str
    user: str
    token: str = field(repr=False)


def find(name: str | None, environment: Mapping[str, str]) -> Profile:
    """The profile of that name; else the one that JENKINS_ML_SERVER names; else what JENKINS_URL and so on say.

    Args:
        name: from the command line; None where it names none.
        environment: the variables.

    Raises:
        UsageError: something is missing or cannot be right, or others may read the file that holds the token.
    """
    chosen = name or environment.get(names.ENV_JENKINS_PROFILE)
    if chosen:
        return _named(chosen, environment)
    variables = (names.ENV_JENKINS_URL, names.ENV_JENKINS_USER, names.ENV_JENKINS_TOKEN)
    missing = [variable for variable in variables if not environment.get(variable, "").strip()]
    if missing:
        raise UsageError(
            f"which Jenkins, and as whom? {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set", _HOW
        )
    url, user, token = (environment[variable] for variable in variables)
    return _checked(url, user, token, variables)


def servers_file(environment: Mapping[str, str]) -> Path:
    """Where the profiles are."""
    home = environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME") or Path.home()) / ".config"
    return Path(home) / "jenkins-ml" / "servers.toml"


def _named(name: str, environment: Mapping[str, str]) -> Profile:
    path = servers_file(environment)
    profiles = _read(path)
    if name not in profiles:
        near = get_close_matches(name, profiles, 1)
        there = f"did you mean {near[0]!r}?" if near else f"it has: {', '.join(profiles) or 'nothing'}"
        raise UsageError(f"{path} has no profile {name!r}", there)
    section = profiles[name]
    wrong = [key for key in section if key not in _KEYS]
    if wrong:
        near = get_close_matches(wrong[0], _KEYS, 1)
        raise UsageError(
            f"{path}: [{name}] has an unknown key {wrong[0]!r}", f"did you mean {near[0]!r}?" if near else _allowed()
        )
    missing = [key for key in ("url", "user") if not isinstance(section.get(key), str)]
    if missing or len([key for key in _TOKEN_KEYS if key in section]) != 1:
        raise UsageError(f"{path}: [{name}] needs url, user, and one of {', '.join(_TOKEN_KEYS)}", _HOW)
    place = f"[{name}] in {path}"
    token = _token(section, path, place)
    return _checked(section["url"], section["user"], token, (f"url of {place}", f"user of {place}", place))


def _allowed() -> str:
    return f"its keys are {', '.join(_KEYS)}"


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UsageError(f"there is no file of profiles at {path}", _HOW) from error
    except OSError as error:
        raise files.translate("reading the profiles failed", error) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8", "write it anew as UTF-8 text") from error
    try:
        # tomllib names the place and never the text of the line, which may be the token.
        profiles = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is no TOML: {error}", "a profile begins with [NAME]") from error
    sections = {name: section for name, section in profiles.items() if isinstance(section, dict)}
    if len(sections) < len(profiles):
        raise UsageError(f"{path} has keys outside any profile", "a profile begins with [NAME]")
    if any("token" in section for section in sections.values()):
        _refuse_if_others_read(path)
    return sections


def _refuse_if_others_read(path: Path) -> None:
    if path.stat().st_mode & 0o077:
        raise UsageError(f"others may read {path}, and it holds a token", f"chmod 600 {path}")


def _token(section: Mapping[str, Any], path: Path, place: str) -> str:
    if isinstance(text := section.get("token"), str):
        return text
    if isinstance(name := section.get("token_file"), str):
        file = path.parent / Path(name).expanduser()
        try:
            _refuse_if_others_read(file)
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"the token_file of {place} cannot be read: {error}", "write the token into it") from error
    command = section.get("token_command")
    if isinstance(command, list) and command and all(isinstance(word, str) for word in command):
        return _printed(command, place)
    raise UsageError(f"the token of {place} is of the wrong type", 'token_command is a list: ["pass", "show", "ci"]')


def _printed(command: list[str], place: str) -> str:
    """What a command prints. Only its standard error is ever shown."""
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_COMMAND_SECONDS)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        why = "took too long" if isinstance(error, subprocess.TimeoutExpired) else f"cannot be started: {error}"
        raise UsageError(f"the token_command of {place} {why}", "run it by hand") from None
    if done.returncode != 0:
        said = one_line(done.stderr.decode(errors="replace"), 200)
        raise UsageError(
            f"the token_command of {place} ended with {done.returncode}{': ' + said if said else ''}", "run it by hand"
        )
    return done.stdout.decode(errors="replace")


def _checked(url: str, user: str, token: str, places: tuple[str, str, str]) -> Profile:
    user, token = user.strip(), token.strip()
    # Basic authentication ends the user at the first colon. Control characters would be refused, and shown, further down.
    if not user or re.search(r"[:\x00-\x1f\x7f]", user):
        raise UsageError(f"{places[1]} is no user", "it is the ID of a user, as the web page of that user shows it")
    if not token or re.search(r"[\x00-\x1f\x7f]", token):
        raise UsageError(f"{places[2]} holds no token", "it is one line of printable characters")
    return Profile(_address(url, places[0]), user, token)


def _address(url: str, place: str) -> str:
    text = url.strip()
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or re.search(r"[^\x21-\x7e]", text):
        raise UsageError(f"{place} is no address of a Jenkins server", 'write it as "https://ci.example.com/jenkins"')
    if "@" in parts.netloc or parts.query or parts.fragment or "?" in text or "#" in text:
        raise UsageError(
            f"{place} holds more than the address of a server",
            'leave out user, query and fragment: "https://ci.example.com/jenkins"',
        )
    return text.rstrip("/") + "/"
