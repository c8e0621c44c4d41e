"""For whoever uses an API that is guarded by tokenauth. Imports nothing of Django."""

from tokenauth.client.bearer_auth import BearerAuth, BearerAuthError

__all__ = ["BearerAuth", "BearerAuthError"]
