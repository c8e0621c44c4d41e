"""Tables in which most rows are to be pruned, filled by a few statements of PostgreSQL."""

from django.db import connection

from testproject.accounts.models import User

USERS = 1_000

# Each ended longer ago than the 30 days for which it is kept: a third was revoked, a third expired, a
# third lapsed unused for longer than 365 days, and half of those were never used at all.
DEAD_TOKENS = """
INSERT INTO tokenauth_accesstoken (
    user_id, name, kind, environment, scopes, organization, allowed_networks, secret, hint, family,
    created_at, expires_at, last_used_at, revoked_at, revoked_reason
)
SELECT
    %(first_user)s + n %% %(users)s, 'Work Laptop', 'personal', '', '["read:sites"]', '', '[]',
    encode(sha256(n::text::bytea), 'hex'), 'pat_0000…0000', gen_random_uuid(),
    now() - (1100 - 300.0 * n / %(tokens)s) * interval '1 day',
    CASE n %% 3 WHEN 1 THEN now() - (31 + 600 * random()) * interval '1 day' END,
    CASE WHEN n %% 3 < 2 OR n %% 2 = 0 THEN now() - (400 + 300 * random()) * interval '1 day' END,
    CASE n %% 3 WHEN 0 THEN now() - (31 + 600 * random()) * interval '1 day' END,
    ''
FROM generate_series(1, %(tokens)s) n
"""

LIVING_TOKENS = """
INSERT INTO tokenauth_accesstoken (
    user_id, name, kind, environment, scopes, organization, allowed_networks, secret, hint, family,
    created_at, last_used_at, revoked_reason
)
SELECT
    %(first_user)s + n %% %(users)s, 'Work Laptop', 'personal', '', '["read:sites"]', '', '[]',
    encode(sha256((-n)::text::bytea), 'hex'), 'pat_0000…0000', gen_random_uuid(),
    now() - (200 + 200 * random()) * interval '1 day', now() - random() * interval '1 day', ''
FROM generate_series(1, %(tokens)s / 10) n
"""

# A tenth succeeded another: a dead one another dead one, and a living one a dead one.
SUCCESSORS = """
UPDATE tokenauth_accesstoken SET rotated_from_id = CASE
    WHEN id < %(first_token)s + %(tokens)s THEN id - 1 ELSE id - %(tokens)s
END
WHERE id %% 10 = 0 AND id > %(first_token)s
"""

# A quarter of the old rows, and half of the young, are of a token. Of the young ones every other is of
# the same token: a server's, which died while the server went on.
LOGINS = """
INSERT INTO tokenauth_tokenlogin (
    id_type, identifier, hint, user_id, token_id, ip_address, user_agent, request_id, client_version,
    date, success, reason, count
)
SELECT
    'access_token', encode(sha256(n::text::bytea), 'hex'), 'pat_0000…0000', token.user_id, token.id,
    '198.51.100.0'::inet + (n %% 5000), 'Mozilla/5.0 (X11; Linux x86_64)', gen_random_uuid()::text, '',
    drawn.date, false, CASE WHEN token.id IS NULL THEN 'unknown' ELSE 'revoked' END, 1
FROM (
    SELECT
        n,
        now() - (91 + 274 * (1 - n::float / %(logins)s)) * interval '1 day' AS date,
        CASE WHEN n %% 4 = 0 THEN %(first_token)s + floor(random() * %(all_tokens)s) END AS token_id
    FROM generate_series(1, %(logins)s) n
    UNION ALL
    SELECT
        -n,
        now() - 89 * random() * interval '1 day',
        CASE n %% 4
            WHEN 0 THEN %(first_token)s + floor(random() * %(all_tokens)s)
            WHEN 2 THEN %(first_token)s + 2
        END
    FROM generate_series(1, %(logins)s / 5) n
) drawn
LEFT JOIN tokenauth_accesstoken token ON token.id = drawn.token_id
ORDER BY drawn.date
"""


def fill(logins: int, tokens: int) -> str:
    """Fill the empty tables with as many old logins and dead tokens, and some that stay; a living token."""
    User.objects.bulk_create(User(username=f"user{number}") for number in range(USERS))
    caller = User.objects.create_user("caller")
    living = caller.generate_access_token("Caller", ["read:sites"])
    parameters = {
        "logins": logins,
        "tokens": tokens,
        "all_tokens": tokens + tokens // 10,
        "users": USERS,
        "first_user": caller.pk - USERS,
        "first_token": living.pk + 1,
    }
    with connection.cursor() as cursor:
        # Drawn alike each time.
        cursor.execute("SELECT setseed(0.5)")
        for statement in (DEAD_TOKENS, LIVING_TOKENS, SUCCESSORS, LOGINS):
            cursor.execute(statement, parameters)
        # What was just written is read and written out now, not while it is measured.
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    return living.raw_token or ""
