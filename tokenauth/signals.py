"""Signals. None carries a raw token; each is sent with ``sender=AccessToken``.

Receivers are called robustly: one that raises is logged by Django (``django.dispatch``) and changes
no answer, unless it leaves a transaction of the request's broken. They run inside the request, and
inside a transaction where the caller has opened one: use ``transaction.on_commit`` for what must not
happen on a roll-back.
"""

from django.dispatch import Signal

# A token was made, the successor of a rotation included. Arguments: token.
token_created = Signal()

# A token was rotated. Arguments: token (the successor), rotated_from (the token that it replaces, which
# lives until its expires_at), by (the user who rotated it, or None).
token_rotated = Signal()

# A token was revoked. Arguments: token, reason (text), by (the user who revoked it, or None).
token_revoked = Signal()

# A credential was accepted. Arguments: token, request (HttpRequest, or None outside of one).
token_authenticated = Signal()

# A credential was refused. Arguments: reason (Reason), token (AccessToken where the right secret
# of a known token was presented, else None), hint (text, "" where prefix or checksum are wrong),
# request (HttpRequest, or None outside of one).
token_rejected = Signal()
