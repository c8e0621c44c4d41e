"""The login log: what is recorded, and when it is written.

With the middleware, rows hang on the request until the answer is closed (under ASGI: until it
leaves the middleware): after ``ATOMIC_REQUESTS`` has rolled back or committed, before Django closes
the connections. Without it they are written at once, inside the request's transaction.
"""

import hashlib
import hmac
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connections, router
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.encoding import force_bytes
from django.views.decorators.debug import sensitive_variables

from tokenauth.conf import conf
from tokenauth.core import attempt_limit, batches, headers, network
from tokenauth.core.credential import Kind
from tokenauth.core.headers import Presented
from tokenauth.core.lookup_cache import lookups
from tokenauth.core.request_state import Attempt, Refusal, Verified, VerifiedElsewhere, state_of
from tokenauth.core.savepoint import around_statement
from tokenauth.exceptions import CredentialError
from tokenauth.models import AccessToken, TokenLogin

logger = logging.getLogger("tokenauth")

REQUEST_ID_LENGTH = 64

_ID_TYPES: dict[str, TokenLogin.IdType] = {
    Kind.PERSONAL: TokenLogin.IdType.ACCESS_TOKEN,
    Kind.API_KEY: TokenLogin.IdType.API_KEY,
}


@sensitive_variables("presented", "text")
def identifier_of(presented: str) -> str:
    """What the log keeps of a refused credential: the attempts of a leaked token can be found by it."""
    # A credential of ours is far shorter; what is cut off a megabyte of junk is not missed.
    text = presented[:1024].encode(errors="surrogatepass")
    return hmac.digest(_identifier_key(settings.SECRET_KEY), text, "sha256").hex()


# That of Django's salted_hmac(), which derives it anew for each text.
@lru_cache(maxsize=2)
@sensitive_variables()
def _identifier_key(secret: str | bytes) -> bytes:
    return hashlib.sha256(b"tokenauth.TokenLogin.identifier" + force_bytes(secret)).digest()


def request_id(request: HttpRequest) -> str:
    """The client's ``X-Request-ID``, fit to be logged and echoed; "" where there is none."""
    return headers.printable(request.META.get("HTTP_X_REQUEST_ID", ""), REQUEST_ID_LENGTH)


def accepted(request: HttpRequest, verified: Verified) -> None:
    """Note an accepted credential."""
    state, last_used = state_of(request), verified.token.last_used_at
    if last_used is None or last_used <= verified.at - conf.LAST_USED_INTERVAL:
        state.used = verified
    # Most projects record failures alone: an attempt that nobody will ask for is not made.
    if conf.RECORD_LOGIN_ATTEMPTS == "all":
        state.attempt = _accepted_attempt(verified)
    if not state.deferred:
        write(request)


def refused(
    request: HttpRequest, presented: Presented, hint: str, error: CredentialError, at: datetime
) -> None:
    """Note a refused credential."""
    id_type, token = presented.shape or _ID_TYPES[presented.kind], error.token
    user_id = None if token is None else token.user_id
    note(request, Attempt(id_type, presented, hint, token, error.reason, at, user_id))


def note(request: HttpRequest, attempt: Attempt) -> None:
    """Note an attempt with whatever credential; accepted where it has no reason."""
    state = state_of(request)
    state.attempt = attempt
    if attempt.reason is None:
        state.accepted = attempt
    _unless_deferred(request)


def refused_request(request: HttpRequest, refusal: Refusal) -> None:
    """Note that the request of an accepted credential is refused after all.

    It stays one attempt, unless the accepted one was written already for want of the middleware.
    """
    state = state_of(request)
    accepted = state.accepted
    if isinstance(state.outcome, Verified):
        accepted = _accepted_attempt(state.outcome)
    if accepted is None:
        return
    found = headers.presented(request.META)
    identifier: str | Presented = found[0] if found else ""
    if isinstance(state.outcome, VerifiedElsewhere) and state.outcome.subject:
        identifier = identifier_of(state.outcome.subject)
    state.attempt = replace(accepted, identifier=identifier, reason=refusal.reason)
    _unless_deferred(request)


def report(request: HttpRequest, refusal: Refusal, user: Any, auth: Any) -> None:
    """Tell that a request would be refused, once scopes are enforced; it leaves the row that it then will.

    The logger ``tokenauth`` is told too: the row knows neither the view nor what it requires.
    """
    state = state_of(request)
    if refusal in state.reported:
        return
    state.reported.add(refusal)
    if isinstance(auth, AccessToken):
        credential, held = f"AccessToken {auth.pk}", f"[{' '.join(map(str, auth.scopes))}]"
    else:
        # Nothing but its type: as a text, some foreign credentials are their own secret.
        credential, held = type(auth).__name__, "none of our scopes"
    logger.warning(
        "ENFORCE_SCOPES is off: let through what lacks a scope. %s %s needs [%s]; %s of user %s has %s.",
        headers.printable(request.method or "", 16),
        # Not the path itself, into which a token may have been pasted.
        request.resolver_match.route if request.resolver_match else "",
        " ".join(refusal.scopes),
        credential,
        user.pk,
        held,
    )
    refused_request(request, refusal)


def write(request: HttpRequest) -> None:
    """Write what was noted on ``request``, each by itself.

    What cannot be written goes to the logger ``tokenauth``: the answer stands.
    """
    state = state_of(request)
    if not state.is_pending:
        return
    used, attempt = state.used, state.attempt
    state.used = state.attempt = None
    if used is not None:
        with failure_logged("last_used_at", {"token": used.token.pk}):
            _touch(used, network.client_address(request.META))
    if attempt is not None and _is_recorded(attempt):
        known: dict[str, Any] = {"reason": attempt.reason, "hint": attempt.hint, "date": attempt.at}
        with failure_logged("login attempt", known):
            row = _row(request, attempt)
            known["row"] = row
            attempt_limit.save(row, router.db_for_write(TokenLogin))


def refused_of(user: Any) -> QuerySet[TokenLogin]:
    """The refused attempts with tokens of ``user``, the latest first."""
    return TokenLogin.objects.filter(user_id=user.pk, success=False).order_by("-date", "-pk")


def prunable(before: datetime) -> QuerySet[TokenLogin]:
    """The rows of the login log that are older."""
    return TokenLogin.objects.using(router.db_for_write(TokenLogin)).filter(date__lt=before)


def prune(before: datetime, batch: int) -> Iterator[int]:
    """Delete the rows of the login log that are older, ``batch`` at a time; how many, each time."""
    yield from batches.delete(prunable(before), "date", batch)


def _accepted_attempt(verified: Verified) -> Attempt:
    token = verified.token
    return Attempt(_ID_TYPES[token.kind], token.name, token.hint, token, None, verified.at, token.user_id)


def _unless_deferred(request: HttpRequest) -> None:
    if not state_of(request).deferred:
        write(request)


def _is_recorded(attempt: Attempt) -> bool:
    recorded = conf.RECORD_LOGIN_ATTEMPTS
    return recorded == "all" or (recorded == "failure" and attempt.reason is not None)


def _row(request: HttpRequest, attempt: Attempt) -> TokenLogin:
    token, identifier = attempt.token, attempt.identifier
    return TokenLogin(
        id_type=attempt.id_type,
        identifier=identifier if isinstance(identifier, str) else identifier_of(identifier.text),
        hint=attempt.hint,
        user_id=attempt.user_id,
        token_id=None if token is None else token.pk,
        ip_address=network.client_address(request.META),
        user_agent=headers.printable(request.META.get("HTTP_USER_AGENT", ""), 255),
        request_id=request_id(request),
        client_version=headers.printable(request.META.get("HTTP_X_CLIENT_VERSION", ""), 64),
        date=attempt.at,
        success=attempt.reason is None,
        reason=attempt.reason or "",
    )


def _touch(used: Verified, address: str | None) -> None:
    token, using = used.token, router.db_for_write(AccessToken)
    values: dict[str, Any] = {"last_used_at": used.at, "last_used_ip": address}
    if token.secret != used.digest:
        values["secret"] = used.digest
    # A plain query set: this is the one writer that may move a row to another digest scheme.
    rows: QuerySet[AccessToken] = QuerySet(AccessToken, using=using).filter(pk=token.pk)
    due = Q(last_used_at__isnull=True) | Q(last_used_at__lte=used.at - conf.LAST_USED_INTERVAL)
    with around_statement(using):
        rows.filter(due).update(**values)
    # Or the next request would write as well.
    lookups.forget(connections[router.db_for_read(AccessToken)], used.digest)


@contextmanager
def failure_logged(subject: str, fields: dict[str, Any]) -> Iterator[None]:
    """A block that writes what no answer depends on: where it cannot, the logger ``tokenauth`` is told."""
    try:
        yield
    # Whatever it is: it may not change an answer that is decided, and Django drops without a
    # word what is raised while a response is closed.
    except Exception:
        if row := fields.pop("row", None):
            fields |= {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
        logger.exception("A %s could not be written: %s", subject, fields, extra={"tokenauth": fields})
