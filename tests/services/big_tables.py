"""Tables as large as those of an API that is two years old, and pruned daily."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from random import Random

from django.db import connection

from testproject.accounts.models import User
from tokenauth.core.attempt_limit import ROWS_A_MINUTE
from tokenauth.models import AccessToken, TokenLogin

USERS, TOKENS, LOGINS = 2_000, 20_000, 40_000
AGE = timedelta(days=730)
LOG_KEPT = timedelta(days=90)
# What arrived in the present minute from other addresses than this one, which has had its share.
FLOOD = 4_000
ATTACKER = "192.0.2.1"
# For how many days a token is kept that has ended, in whichever way.
KEPT = 7
UNUSED = 365
ORGANIZATIONS = 100
TEST_KEYS = 0.01

# By the reasons of their refusal, in percent; what is left succeeded.
REASONS = {"malformed": 55, "unknown": 30, "expired": 10, "revoked": 3, "insufficient_scope": 1}
OF_A_KNOWN_TOKEN = {"", "expired", "revoked", "insufficient_scope"}


def fill(now: datetime) -> None:
    """Fill the tables as they are at ``now``, and tell the planner what is in them."""
    # Drawn alike each time, so that the planner decides alike.
    random = Random(7)
    users = User.objects.bulk_create(
        (User(username=f"user{number}") for number in range(USERS)), batch_size=5_000
    )
    tokens = AccessToken.objects.bulk_create(
        [_token(random, users, now - AGE * (1 - number / TOKENS), now) for number in range(TOKENS)],
        batch_size=5_000,
    )
    TokenLogin.objects.bulk_create(
        [
            *(_login(random, tokens, now - LOG_KEPT * (1 - number / LOGINS)) for number in range(LOGINS)),
            *(_login(random, tokens, now) for _ in range(FLOOD)),
            *(_login(random, tokens, now, ATTACKER) for _ in range(ROWS_A_MINUTE)),
        ],
        batch_size=5_000,
    )
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ANALYZE")


def _token(random: Random, users: list[User], created_at: datetime, now: datetime) -> AccessToken:
    owner = random.choice(users)
    expires, is_revoked = random.random() < 0.3, random.random() < 0.01
    unused_for = timedelta(days=random.uniform(0, UNUSED + KEPT))
    digest = hashlib.sha256(random.randbytes(22)).hexdigest()
    is_key = random.random() < TEST_KEYS
    return AccessToken(
        user=owner,
        name="Work Laptop",
        kind="api_key" if is_key else "personal",
        environment="test" if is_key else "",
        scopes=["read:sites"],
        organization=f"organization{random.randrange(ORGANIZATIONS)}",
        secret=digest,
        hint=f"pat_{digest[:4]}…{digest[-4:]}",
        created_at=created_at,
        created_by=random.choice(users) if random.random() < 0.1 else None,
        expires_at=now + timedelta(days=random.uniform(-KEPT, 730)) if expires else None,
        last_used_at=now - unused_for if now - unused_for > created_at else None,
        revoked_at=now - timedelta(days=random.uniform(0, KEPT)) if is_revoked else None,
        revoked_by=owner if is_revoked else None,
        rotated_at=created_at + (now - created_at) * random.random() if random.random() < 0.2 else None,
    )


def _login(random: Random, tokens: list[AccessToken], date: datetime, address: str = "") -> TokenLogin:
    reasons, weights = [*REASONS, ""], [*REASONS.values(), 100 - sum(REASONS.values())]
    (reason,) = random.choices(reasons, weights)
    token = random.choice(tokens) if reason in OF_A_KNOWN_TOKEN else None
    return TokenLogin(
        id_type="access_token",
        identifier=hashlib.sha256(random.randbytes(2)).hexdigest(),
        user_id=token and token.user_id,
        token=token,
        ip_address=address or f"198.51.{random.randrange(100)}.{random.randrange(30)}",
        date=date,
        success=not reason,
        reason=reason,
    )
