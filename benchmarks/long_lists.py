"""Tables of tokens and of logins that have grown for two years, filled alike on every database."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from random import Random
from typing import Any
from uuid import UUID

from django.db import connection, models, transaction
from django.utils import timezone

from testproject.accounts.models import User
from tokenauth.models import AccessToken, TokenLogin

TOKENS_A_USER = 100
# A statement takes as many rows as every database takes parameters for.
ROWS_A_STATEMENT, ROWS_A_COMMIT = 500, 20_000

AGE = timedelta(days=730)
LOG_KEPT = timedelta(days=90)
# For how long what has ended is kept.
KEPT = timedelta(days=30)

SCOPES = ["read:sites", "write:sites", "read:assets", "write:assets", "read:schedules", "read:events"]
NAMES = ["Work Laptop", "Deployment", "Nightly export", "Phone"]
AGENTS = ["curl/8.5.0", "python-requests/2.32.3", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101"]
# By the reasons of their refusal, in percent; what is left succeeded.
REASONS = {"malformed": 55, "unknown": 30, "expired": 8, "revoked": 3, "insufficient_scope": 1}
OF_NO_TOKEN = {"malformed", "unknown"}

# Of few tokens among all of them: a list reads very many rows to find these.
SMALL_ORGANIZATION = "lonely"
# An address that guesses has a fifth of the log, and so has a client that was forgotten.
GUESSING = "192.0.2.1"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Filled:
    """What is looked for: ``raw`` is the text of ``token``, and ``forgotten`` has a fifth of the log."""

    raw: str
    token: AccessToken
    forgotten: AccessToken


def fill(tokens: int, logins: int) -> Filled:
    """Fill the empty tables, and have the database see what is in them."""
    # Drawn alike each time.
    now, random = timezone.now(), Random(7)  # noqa: S311
    count = max(tokens // TOKENS_A_USER, TOKENS_A_USER)
    User.objects.bulk_create(User(username=f"user{number:05}") for number in range(count))
    users = list(User.objects.order_by("pk"))
    keys = [user.pk for user in users]
    half = tokens // 2
    _insert(AccessToken, (_token(random, keys, number / tokens, now) for number in range(half)))
    token = users[count // 2].generate_access_token("The one that is looked for", ["read:sites"])
    _insert(AccessToken, (_token(random, keys, number / tokens, now) for number in range(half, tokens)))
    drawn = list(AccessToken.objects.order_by("pk").values_list("pk", "user_id", "hint"))
    _insert(TokenLogin, (_login(random, drawn, now - LOG_KEPT * (1 - n / logins)) for n in range(logins)))
    _analyze()
    return Filled(token.raw_token or "", token, AccessToken.objects.get(pk=drawn[0][0]))


def _token(random: Random, users: list[Any], progress: float, now: datetime) -> Row:
    created_at = now - AGE * (1 - progress)
    kind, environment, prefix = random.choices(
        [("personal", "", "pat"), ("api_key", "live", "ak_live"), ("api_key", "test", "ak_test")], [90, 9, 1]
    )[0]
    owner, digest = random.choice(users), hashlib.sha256(random.randbytes(16)).hexdigest()
    last_used_at = now - timedelta(days=random.expovariate(1 / 20))
    is_revoked, is_rotated = random.random() < 0.01, random.random() < 0.0001
    expires_at = None
    if is_rotated:
        expires_at = now + timedelta(hours=12)
    elif random.random() < 0.3:
        expires_at = now - KEPT + timedelta(days=random.uniform(0, 730))
    return {
        "user_id": owner,
        "name": f"{random.choice(NAMES)} {random.randrange(1000)}",
        "kind": kind,
        "environment": environment,
        "scopes": SCOPES[: random.randrange(1, 6)],
        "organization": (
            SMALL_ORGANIZATION if random.random() < 0.00001 else f"organization{random.randrange(1000)}"
        ),
        "allowed_networks": [],
        "secret": digest,
        "hint": f"{prefix}_{digest[:4]}…{digest[-4:]}",
        "family": UUID(bytes=random.randbytes(16), version=4),
        "created_at": created_at,
        "expires_at": expires_at,
        "last_used_at": last_used_at if last_used_at > created_at else None,
        "last_used_ip": f"198.51.100.{random.randrange(256)}",
        "revoked_at": now - KEPT * random.random() if is_revoked else None,
        "revoked_by_id": owner if is_revoked else None,
        "revoked_reason": "",
        "rotated_at": now - KEPT * random.random() if is_rotated else None,
    }


def _login(random: Random, tokens: list[tuple[Any, Any, str]], date: datetime) -> Row:
    (reason,) = random.choices([*REASONS, ""], [*REASONS.values(), 100 - sum(REASONS.values())])
    address = f"198.51.{random.randrange(100)}.{random.randrange(50)}"
    of_none = (None, None, "")
    token, user, hint = of_none if reason in OF_NO_TOKEN else random.choice(tokens)
    if (share := random.randrange(5)) == 0:
        reason, (token, user, hint) = "expired", tokens[0]
    elif share == 1:
        reason, address, (token, user, hint) = "unknown", GUESSING, of_none
    return {
        "id_type": "access_token",
        "identifier": hashlib.sha256(random.randbytes(8)).hexdigest(),
        "hint": hint,
        "user_id": user,
        "token_id": token,
        "ip_address": address,
        "user_agent": random.choice(AGENTS),
        "request_id": random.randbytes(16).hex(),
        "client_version": "",
        "date": date,
        "success": not reason,
        "reason": reason,
        "count": 1,
    }


def _insert(model: type[models.Model], rows: Iterator[Row]) -> None:
    """By the cursor itself: of a million objects, bulk_create() would make more than the rows cost."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    row_of_places = f"({', '.join(['%s'] * len(fields))})"
    prepare = [(field.attname, _preparation(field)) for field in fields]
    while batch := [
        [of_field(row.get(name)) for name, of_field in prepare] for row in islice(rows, ROWS_A_COMMIT)
    ]:
        with transaction.atomic(), connection.cursor() as cursor:
            for start in range(0, len(batch), ROWS_A_STATEMENT):
                some = batch[start : start + ROWS_A_STATEMENT]
                places = ", ".join([row_of_places] * len(some))
                sql = f"INSERT INTO {model._meta.db_table} ({columns}) VALUES {places}"  # noqa: S608
                cursor.execute(sql, [value for row in some for value in row])


def _preparation(field: models.Field[Any, Any]) -> Callable[[Any], Any]:
    """How a value of ``field`` is written on this database."""
    if isinstance(field, models.DateTimeField):
        return connection.ops.adapt_datetimefield_value
    if isinstance(field, models.UUIDField):
        return lambda value: value if connection.features.has_native_uuid_field else value.hex
    if isinstance(field, models.JSONField):
        return json.dumps
    return lambda value: value


def _analyze() -> None:
    tables: Iterable[str] = (model._meta.db_table for model in (User, AccessToken, TokenLogin))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")
        elif connection.vendor == "mysql":
            cursor.execute(f"ANALYZE TABLE {', '.join(tables)}")
            cursor.fetchall()
