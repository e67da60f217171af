"""Who somebody is, what they may do, and the crumbs that a browser's requests need."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.jenkins.messages import Answered, Request
from tests.fakes.jenkins.pages import no_crumb, unauthorized

# Where permissions of a title live; the rest of the name is the same on pages and in headers.
_OWNERS = {
    "Overall": "hudson.model.Hudson",
    "Job": "hudson.model.Item",
    "Run": "hudson.model.Run",
    "View": "hudson.model.View",
    "Agent": "hudson.model.Computer",
    "Credentials": "com.cloudbees.plugins.credentials.CredentialsProvider",
}
_TITLES = {owner: title for title, owner in _OWNERS.items()}
IMPLIED_BY = {
    "Job/ExtendedRead": ("Job/Configure",),
    "Job/Discover": ("Job/Read",),
    "Overall/Read": ("Overall/Manage",),
    "Credentials/View": ("Credentials/Update", "Credentials/Create"),
}
READER = frozenset({"Overall/Read", "Job/Read", "View/Read"})
NO_CRUMB_NEEDED = ("generic-webhook-trigger", "pipeline-model-converter", "git", "github-webhook")


def identity(permission: str) -> str:
    """hudson.model.Item.Read for Job/Read."""
    title, _, name = permission.partition("/")
    return f"{_OWNERS[title]}.{name}"


def permission_named(identified: str) -> str:
    """Job/Read for hudson.model.Item.Read."""
    owner, _, name = identified.rpartition(".")
    return f"{_TITLES.get(owner, owner)}/{name}"


@dataclass(eq=False)
class User:
    """Somebody with an account.

    Args:
        name: of the account.
        token: an API token.
        password: of the account.
        permissions: by Jenkins' names, everywhere; `Overall/Administer` is all of them.
        full_name: as shown.
    """

    name: str
    token: str = ""
    password: str = ""
    permissions: set[str] = field(default_factory=set)
    full_name: str = ""

    def __post_init__(self) -> None:
        self.token = self.token or secrets.token_hex(17)
        self.password = self.password or f"{self.name}-pw"
        self.full_name = self.full_name or self.name
        self.permissions = set(self.permissions)

    @property
    def basic(self) -> str:
        """The Authorization header with the API token."""
        return "Basic " + base64.b64encode(f"{self.name}:{self.token}".encode()).decode()


@dataclass
class Access:
    """Rights that hold for an item and what lies below it.

    Args:
        granted: permissions by user.
        inherits: what holds above holds here too.
    """

    granted: dict[str, set[str]] = field(default_factory=dict)
    inherits: bool = True


class Security:
    """Users, sessions and crumbs.

    Args:
        csrf: whether crumbs exist at all.
    """

    def __init__(self, csrf: bool = True) -> None:
        self.csrf = csrf
        self.users: dict[str, User] = {}
        self.anonymous = User("anonymous", token="-", password="-")
        self._salt = secrets.token_hex(8)
        self._basic: dict[str, tuple[User, bool]] = {}
        self._sessions: set[str] = set()

    def expire_crumbs(self) -> None:
        """No crumb and no session that was given out before is good any more."""
        self._salt = secrets.token_hex(8)
        self._sessions.clear()

    def authenticate(self, request: Request) -> None:
        """Finds out who asks, or ends with 401."""
        cookie = _session(request.headers.get("cookie", ""))
        request.session = cookie if cookie in self._sessions else None
        header = request.headers.get("authorization", "")
        if not header.lower().startswith("basic "):
            request.user = self.anonymous
            return
        known = self._basic.get(header)
        if known is None or not self._still(header, *known):
            known = self._known(header)
            if known is None:
                raise Answered(unauthorized(request))
            self._basic[header] = known
        request.user, request.by_token = known

    def _still(self, header: str, user: User, by_token: bool) -> bool:
        return self.users.get(user.name) is user and (user.basic == header or self._known(header) == (user, by_token))

    def _known(self, header: str) -> tuple[User, bool] | None:
        try:
            name, _, secret = base64.b64decode(header[6:]).decode().partition(":")
        except ValueError:
            return None
        user = self.users.get(name)
        if user is None or secret not in (user.token, user.password):
            return None
        return user, secret == user.token

    def new_session(self) -> str:
        session = f"node0{secrets.token_hex(12)}.node0"
        self._sessions.add(session)
        return session

    def crumb(self, user: User, session: str) -> str:
        """Good for this user in this session only."""
        return hashlib.sha256(f"{user.name};{session};{self._salt}".encode()).hexdigest()

    def check_crumb(self, request: Request) -> None:
        """Ends with 403 if the request needs a crumb and has no good one."""
        if not self.csrf or request.by_token or request.method != "POST":
            return
        if request.segments and request.segments[0] in NO_CRUMB_NEEDED:
            return
        given = request.headers.get("jenkins-crumb") or request.get("Jenkins-Crumb")
        if not request.session or given != self.crumb(request.user, request.session):
            raise Answered(no_crumb(request))

    def may(self, user: User, permission: str, item: Any = None) -> bool:
        """Whether somebody has a permission at an item, or everywhere."""
        if "Overall/Administer" in user.permissions:
            return True
        wanted = (permission, *IMPLIED_BY.get(permission, ()))
        while item is not None:
            access: Access | None = item.access
            if access is not None:
                here = access.granted.get(user.name, ())
                if any(each in here for each in wanted):
                    return True
                if not access.inherits:
                    return False
            item = item.parent
        return any(each in user.permissions for each in wanted)


def _session(cookies: str) -> str | None:
    for cookie in cookies.split(";"):
        name, _, value = cookie.strip().partition("=")
        if name.startswith("JSESSIONID"):
            return value
    return None
