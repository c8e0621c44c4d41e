"""What must be true of tokens, in plain Python: nothing here asks the database, or imports the core."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

MANAGE = "tokens:manage"
SCOPES: dict[str, Any] = {
    "read:sites": "Read",
    "write:sites": "Write",
    "admin": {"description": "All", "implies": ["*"]},
}
# Of the sample project: path, method and the scope that it requires.
DOORS = {
    "rest": ("GET", "/inventory-service/sites", "read:sites"),
    "plain": ("GET", "/inventory-service/sites.csv", "read:sites"),
    "write": ("POST", "/inventory-service/sites", "write:sites"),
}
DEFAULTS: dict[str, Any] = {
    "SCOPES": SCOPES,
    "USER_ORGANIZATIONS": "testproject.accounts.organizations.organizations_of",
    "TOKEN_PREFIX": "pat",
    "API_KEY_PREFIX": "ak",
    "ENVIRONMENTS": ["live", "test"],
    "TOKEN_LIFETIME": None,
    "MAX_TOKEN_LIFETIME": None,
    "UNUSED_TOKEN_LIFETIME": timedelta(days=365),
    "MAX_TOKENS_PER_USER": None,
    "MAX_TOKENS_REACHED": "refuse",
    "ROTATION_OVERLAP": timedelta(days=1),
    "RECORD_LOGIN_ATTEMPTS": "failure",
    "LAST_USED_INTERVAL": timedelta(minutes=1),
    "LOOKUP_CACHE_SECONDS": 0,
    "PEPPERS": {},
    "ENFORCE_SCOPES": True,
    "NOTIFY_OWNER": False,
    "END_TOKENS_ON_PASSWORD_CHANGE": False,
}
TOO_MANY = "A newer token took its place."


@dataclass(eq=False)
class Person:
    pk: int
    name: str
    organization: str
    is_active: bool = True
    is_there: bool = True


@dataclass(eq=False)
class Token:
    """A token as it must be; ``born_of``: what it was rotated from, whatever the row still says."""

    owner: Person
    name: str
    kind: str
    environment: str
    scopes: list[str]
    organization: str
    networks: list[str]
    created_at: datetime
    created_by: Person | None
    expires_at: datetime | None
    pepper: int | None
    raw: str = field(default="", repr=False)
    pk: int = 0
    family: Any = None
    last_used_at: datetime | None = None
    last_used_ip: str | None = None
    revoked_at: datetime | None = None
    revoked_by: Person | None = None
    revoked_reason: str = ""
    rotated_at: datetime | None = None
    rotated_from: Token | None = None
    born_of: Token | None = None
    is_there: bool = True

    @property
    def head(self) -> str:
        return self.raw[: -len("_") - 36]

    @property
    def hint(self) -> str:
        return f"{self.raw[:-32]}…{self.raw[-4:]}"


@dataclass(eq=False)
class Row:
    """A row of the login log."""

    id_type: str
    # Of what was presented; of a success, the token's name.
    presented: str = field(repr=False)
    hint: str
    user: Person | None
    token: Token | None
    address: str
    date: datetime
    reason: str

    def seen(self) -> tuple[Any, ...]:
        """As a row of the database."""
        user = self.user.pk if self.user and self.user.is_there else None
        token = self.token.pk if self.token and self.token.is_there else None
        hint, date = self.hint, self.date
        return self.id_type, hint, user, token, self.address, date, not self.reason, self.reason, 1


class Refused(Exception):  # noqa: N818 - what the API answers with
    """``status`` and ``reason`` of the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status, self.reason = status, reason


class Wrong(Exception):  # noqa: N818 - likewise
    """Refused for what was asked: a ``ValidationError``, a 400."""


def prefixes(configured: str | list[str]) -> list[str]:
    return [configured] if isinstance(configured, str) else configured


def covers(networks: list[str], address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return not networks or any(parsed in ipaddress.ip_network(one) for one in networks)


def within(networks: list[str], others: list[str]) -> bool:
    if not networks or not others:
        return not others
    inner = [ipaddress.ip_network(one) for one in networks]
    outer = [ipaddress.ip_network(one) for one in others]
    return all(any(one.version == other.version and one.subnet_of(other) for other in outer) for one in inner)


def grants(held: list[str], scope: str) -> bool:
    return scope in held or (scope != MANAGE and bool({"*", "admin"} & set(held)))


class World:
    """Everybody, every token that ever was, and the login log."""

    def __init__(self) -> None:
        # With a fraction, which no database may round.
        self.now = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
        self.settings = dict(DEFAULTS)
        self.people: list[Person] = []
        self.tokens: list[Token] = []
        self.log: list[Row] = []

    # What a token is worth.

    def status(self, token: Token, at: datetime | None = None) -> str:
        at = at or self.now
        if token.revoked_at is not None:
            return "revoked"
        if token.expires_at is not None and token.expires_at <= at:
            return "expired"
        lifetime = self.settings["UNUSED_TOKEN_LIFETIME"]
        if lifetime is not None and at - (token.last_used_at or token.created_at) > lifetime:
            return "unused"
        return "active"

    def is_ours(self, token: Token) -> bool:
        """Whether its text has a prefix that the settings know."""
        key = "TOKEN_PREFIX" if token.kind == "personal" else "API_KEY_PREFIX"
        return token.head.removesuffix(f"_{token.environment}") in prefixes(self.settings[key])

    def is_found(self, token: Token) -> bool:
        """Whether the database has it, under a digest that can still be made."""
        return token.is_there and (token.pepper is None or token.pepper in self.settings["PEPPERS"])

    def verify(self, token: Token, address: str) -> str:
        """Why it is refused; "" where it is not."""
        if not self.is_ours(token):
            return "malformed"
        if not self.is_found(token):
            return "unknown"
        if (status := self.status(token)) != "active":
            return status
        if token.environment and token.environment not in self.settings["ENVIRONMENTS"]:
            return "environment"
        if not token.owner.is_active:
            return "user_inactive"
        return "" if covers(token.networks, address) else "ip_address"

    def organizations(self, token: Token) -> set[str]:
        theirs = {token.owner.organization} - {""}
        return theirs & {token.organization} if token.organization else theirs

    # What a request does.

    def enter(self, token: Token, address: str, *, way: str = "right", scope: str = "") -> None:
        """A request with ``token``: recorded as it must be.

        :raises Refused: the request is.
        """
        if way == "none":
            # No attempt.
            raise Refused(401, "missing")
        in_bearer = (token.kind == "personal") == (way != "wrong") or way == "both"
        id_type = "access_token" if in_bearer else "api_key"
        known = None
        is_read = self.is_ours(token) and way != "mistyped"
        if way in ("right", "guessed"):
            reason = self.verify(token, address)
            if reason not in ("malformed", "unknown"):
                known = token
            if not reason:
                self.touch(token, address)
                if scope and not grants(token.scopes, scope):
                    reason = "insufficient_scope"
        else:
            reason = "ambiguous" if way == "both" and is_read else "malformed"
        self.record(id_type, token, known, address, reason, token.hint if is_read else "")
        if reason and not self.is_let_through(reason, scope):
            raise Refused(403 if reason in ("insufficient_scope", "ip_address") else 401, reason)

    def is_let_through(self, reason: str, scope: str) -> bool:
        return reason == "insufficient_scope" and scope != MANAGE and not self.settings["ENFORCE_SCOPES"]

    def touch(self, token: Token, address: str) -> None:
        last, interval = token.last_used_at, self.settings["LAST_USED_INTERVAL"]
        if last is None or self.now - last >= interval:
            token.last_used_at, token.last_used_ip = self.now, address
            token.pepper = max(self.settings["PEPPERS"], default=None)

    def refuse_after(self, token: Token, address: str) -> None:
        """What was let in is refused by what it asks for: it stays one attempt."""
        if self.settings["RECORD_LOGIN_ATTEMPTS"] == "all":
            self.log.pop()
        id_type = "access_token" if token.kind == "personal" else "api_key"
        self.record(id_type, token, token, address, "insufficient_scope", token.hint)

    def record(
        self, id_type: str, token: Token, known: Token | None, address: str, reason: str, hint: str
    ) -> None:
        recorded = self.settings["RECORD_LOGIN_ATTEMPTS"]
        if recorded == "all" or (recorded == "failure" and reason):
            presented = token.raw if reason else token.name
            user = known and known.owner
            self.log.append(Row(id_type, presented, hint, user, known, address, self.now, reason))

    # What is done to tokens.

    def issue(
        self,
        owner: Person,
        *,
        kind: str,
        environment: str,
        scopes: list[str],
        organization: str,
        networks: list[str],
        lifetime: timedelta | None,
        asking: Token | None = None,
    ) -> Token:
        """:raises Wrong: it may not be made. :raises Refused: it is wider than ``asking``."""
        longest, usual = self.settings["MAX_TOKEN_LIFETIME"], self.settings["TOKEN_LIFETIME"]
        if (
            (kind == "api_key") != bool(environment)
            or organization not in ("", owner.organization)
            or (lifetime is not None and (lifetime <= timedelta(0) or (longest and lifetime > longest)))
        ):
            raise Wrong
        if lifetime is None:
            lifetime = min((one for one in (longest, usual) if one), default=None)
            expires_at = self.earliest(lifetime and self.now + lifetime, asking)
        else:
            expires_at = self.now + lifetime
        token = Token(
            owner,
            "name",
            kind,
            environment,
            scopes,
            organization,
            networks,
            self.now,
            owner,
            expires_at,
            self.newest_pepper(),
        )
        if asking is not None:
            self.check_no_wider(token, asking)
        surplus = self.surplus(owner, token)
        self.end(surplus, TOO_MANY, owner)
        self.tokens.append(token)
        return token

    def rotate(
        self,
        old: Token,
        overlap: timedelta | None,
        *,
        owner: Person | None = None,
        by: Person | None = None,
        asking: Token | None = None,
    ) -> Token:
        """:raises Wrong: for the arguments. :raises Refused: a 403, or a 409."""
        owner = owner or old.owner
        if owner is not old.owner and (
            old.kind == "personal" or old.organization not in ("", owner.organization)
        ):
            raise Wrong
        successor = self.successor(old)
        status = self.status(old) if old.is_there else "revoked"
        if status != "active":
            raise Refused(409, status)
        if successor is not None and (successor.revoked_at is None or successor.last_used_at is not None):
            raise Refused(409, "rotated")
        if asking is not None:
            self.check_no_wider(old, asking)
        model = successor or old
        lifetimes = [model.expires_at - model.created_at] if model.expires_at else []
        lifetimes += [self.settings["MAX_TOKEN_LIFETIME"]] if self.settings["MAX_TOKEN_LIFETIME"] else []
        expires_at = self.earliest(self.now + min(lifetimes) if lifetimes else None, asking)
        overlap = self.settings["ROTATION_OVERLAP"] if overlap is None else overlap
        before = (old.rotated_at, old.expires_at, successor)
        old.rotated_at = self.now
        old.expires_at = min(old.expires_at or self.now + overlap, self.now + overlap)
        made = Token(
            owner,
            old.name,
            old.kind,
            old.environment,
            old.scopes,
            old.organization,
            old.networks,
            self.now,
            by,
            expires_at,
            self.newest_pepper(),
            family=old.family,
            rotated_from=old,
            born_of=old,
        )
        others = [one for one in self.usable(old.owner) if one.family == old.family and one is not old]
        if owner is not old.owner or others:
            try:
                surplus = self.surplus(owner, made)
            except Wrong:
                old.rotated_at, old.expires_at, _ = before
                raise
            self.end(surplus, TOO_MANY, by)
        if successor is not None:
            successor.rotated_from = None
        self.tokens.append(made)
        return made

    def is_reached(self, token: Token, asking: Token) -> bool:
        """Whether a request with ``asking`` may know of ``token``."""
        return (
            token.is_there
            and token.owner is asking.owner
            and asking.environment in ("", token.environment)
            and (not asking.organization or token.organization in self.organizations(asking))
        )

    def end(self, tokens: list[Token], reason: str = "", by: Person | None = None) -> int:
        """Revoke those that are not; how many there were."""
        ended = [token for token in tokens if token.is_there and token.revoked_at is None]
        for token in ended:
            token.revoked_at, token.revoked_reason, token.revoked_by = self.now, reason, by
        return len(ended)

    def prune(self, older_than: timedelta, logins_older_than: timedelta) -> tuple[int, int]:
        """How many tokens and rows of the log are deleted."""
        before = self.now - older_than
        doomed = [token for token in self.tokens if token.is_there and self.had_ended(token, before)]
        kept = [row for row in self.log if row.date >= self.now - logins_older_than]
        counts = len(doomed), len(self.log) - len(kept)
        self.log = kept
        self.forget(doomed)
        return counts

    def delete(self, person: Person) -> None:
        person.is_there = False
        self.people.remove(person)
        self.forget([token for token in self.tokens if token.owner is person])
        for token in self.tokens:
            token.created_by = None if token.created_by is person else token.created_by
            token.revoked_by = None if token.revoked_by is person else token.revoked_by

    def had_ended(self, token: Token, before: datetime) -> bool:
        if token.revoked_at is not None:
            return token.revoked_at <= before
        return self.status(token, before) != "active"

    def forget(self, tokens: list[Token]) -> None:
        for token in tokens:
            token.is_there = False
        for token in self.tokens:
            if token.rotated_from in tokens:
                token.rotated_from = None

    # What the rules above need.

    def newest_pepper(self) -> int | None:
        return max(self.settings["PEPPERS"], default=None)

    def there(self, owner: Person | None = None) -> list[Token]:
        return [one for one in self.tokens if one.is_there and (owner is None or one.owner is owner)]

    def usable(self, owner: Person | None = None) -> list[Token]:
        return [one for one in self.there(owner) if self.status(one) == "active"]

    def successor(self, token: Token) -> Token | None:
        return next((one for one in self.there() if one.rotated_from is token), None)

    def earliest(self, expires_at: datetime | None, asking: Token | None) -> datetime | None:
        moments = [one for one in (expires_at, asking and asking.expires_at) if one]
        return min(moments, default=None)

    def check_no_wider(self, token: Token, asking: Token) -> None:
        if not (
            self.status(asking) == "active"
            and all(grants(asking.scopes, scope) for scope in token.scopes)
            and (token.kind, token.environment) == (asking.kind, asking.environment)
            and asking.organization in ("", token.organization)
            and within(token.networks, asking.networks)
            and self.earliest(token.expires_at, asking) == token.expires_at
        ):
            raise Refused(403, "insufficient_scope")

    def surplus(self, owner: Person, new: Token) -> list[Token]:
        """Who has to end where ``new`` comes, the oldest. A token and its successor are one."""
        limit = self.settings["MAX_TOKENS_PER_USER"]
        if limit is None:
            return []
        usable = [new, *reversed(self.usable(owner))]
        kept: list[Token] = []
        surplus = []
        for token in usable:
            (surplus if self.count([*kept, token]) > limit else kept).append(token)
        if surplus and self.settings["MAX_TOKENS_REACHED"] == "refuse":
            raise Wrong
        return surplus

    def count(self, tokens: list[Token]) -> int:
        """As many as they are, but the second of a family is free."""
        sizes: dict[Any, int] = {}
        for token in tokens:
            key = token if token.family is None else token.family
            sizes[key] = sizes.get(key, 0) + 1
        return sum(max(1, size - 1) for size in sizes.values())
