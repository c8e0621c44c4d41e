"""Reports of tokens that were found where they should not be.

Holding the text of a token is the authority to revoke it: it could be used, too.
"""

import logging
from collections.abc import Iterable, Iterator
from typing import Any

from django.views.decorators.debug import sensitive_variables

from tokenauth.core import credential, digests, lifecycle
from tokenauth.exceptions import CredentialError
from tokenauth.models import AccessToken

logger = logging.getLogger("tokenauth")

# Not translated: rows are searched for it, whatever the language of whoever was served.
REASON = "It was reported as leaked."

# How many are looked up by one query.
_BATCH = 100


@sensitive_variables()
def report(texts: Iterable[object]) -> int:
    """Revoke each token whose text is among ``texts``, and mail its owner; how many were not revoked before.

    What is no token's text is passed over.
    """
    candidates = list(_candidates(texts))
    known: set[Any] = set()
    for some in _batches(candidates):
        known.update(_known([digest for one in some for digest in one]))
    # In one order, whatever that of the report: of two reports of the same, neither waits for the other.
    count = sum(
        lifecycle.revoke(AccessToken.objects.filter(pk__in=some), reason=REASON, is_leak=True)
        for some in _batches(sorted(known))
    )
    logger.info("%d credentials were reported as leaked; %d tokens were revoked.", len(candidates), count)
    return count


def _batches(rows: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(rows), _BATCH):
        yield rows[start : start + _BATCH]


@sensitive_variables()
def _candidates(texts: Iterable[object]) -> Iterator[list[str]]:
    for text in texts:
        try:
            parsed = credential.parse(text.strip() if isinstance(text, str) else text)
        except CredentialError:
            continue
        yield digests.candidates(parsed.text)


def _known(candidates: list[str]) -> list[Any]:
    """The keys of the tokens whose digest is one of ``candidates``; the secret is checked here."""
    rows = AccessToken.objects.filter(secret__in=candidates).values_list("pk", "secret")
    return [pk for pk, secret in rows if digests.is_one_of(secret, candidates)]
