"""django-oauth-toolkit's settings as this app needs them.

In a project's settings: ``from tokenauth.oauth.provider_settings import OAUTH2_PROVIDER``, and beneath it,
where wanted, ``OAUTH2_PROVIDER |= {"ACCESS_TOKEN_EXPIRE_SECONDS": 600}``. Imports nothing: settings are
read before any app.
"""

from typing import Any

# What cannot be another way: said by a system check, in whose words it is why.
REQUIRED: dict[str, Any] = {
    "OAUTH2_VALIDATOR_CLASS": "tokenauth.oauth.validator.Validator",
    "OAUTH2_BACKEND_CLASS": "tokenauth.oauth.backend.FormBackend",
    "SCOPES_BACKEND_CLASS": "tokenauth.oauth.scopes.Scopes",
    "ACCESS_TOKEN_GENERATOR": "tokenauth.oauth.issuing.access_token",
    "REFRESH_TOKEN_GENERATOR": "tokenauth.oauth.issuing.refresh_token",
    "CLIENT_SECRET_HASHER": "argon2",
    "ROTATE_REFRESH_TOKEN": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    # The one before would have to be kept in clear to be given again.
    "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": 0,
    "REQUEST_APPROVAL_PROMPT": "force",
    "ALLOW_URI_WILDCARDS": False,
    # With it on, django-oauth-toolkit takes an ID token for an access token.
    "OIDC_ENABLED": False,
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "COMPLIANT_BCP_RFC9700_REFRESH_TOKEN": True,
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_MATCHING": True,
    "COMPLIANT_BCP_RFC9700_PKCE_REQUIRED": True,
    # The application is administered with its policy; its tokens are, by what users let it do, but for those
    # that it has for itself.
    "APPLICATION_ADMIN_CLASS": "tokenauth.oauth.admin.ApplicationAdmin",
    "ACCESS_TOKEN_ADMIN_CLASS": "tokenauth.oauth.admin.ServiceTokenAdmin",
    "REFRESH_TOKEN_ADMIN_CLASS": "tokenauth.oauth.admin.HiddenAdmin",
    "GRANT_ADMIN_CLASS": "tokenauth.oauth.admin.HiddenAdmin",
    "ID_TOKEN_ADMIN_CLASS": "tokenauth.oauth.admin.HiddenAdmin",
    # Which application needs it is the validator's to say.
    "PKCE_REQUIRED": True,
}

OAUTH2_PROVIDER: dict[str, Any] = {
    **REQUIRED,
    # Of loopback addresses, which need no https, and of schemes of apps, the form of an application judges.
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
    # In seconds: an hour, a minute, and two weeks since the last use.
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
    "AUTHORIZATION_CODE_EXPIRE_SECONDS": 60,
    "REFRESH_TOKEN_EXPIRE_SECONDS": 14 * 86400,
}
