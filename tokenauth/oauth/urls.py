"""``path("", include("tokenauth.oauth.urls"))``: at the root, where the two documents have their place."""

from django.urls import path

from tokenauth.oauth.views import applications, documents
from tokenauth.oauth.views.authorize import AuthorizeView
from tokenauth.oauth.views.token import IntrospectionView, RevocationView, TokenView
from tokenauth.oauth.views.token_request import TokenRequestView
from tokenauth.oauth.views.userinfo import UserInfoView

app_name = "tokenauth_oauth"

urlpatterns = [
    path("auth/token", TokenRequestView.as_view(), name="token-request"),
    path("oauth2/authorize", AuthorizeView.as_view(), name="authorize"),
    path("oauth2/token", TokenView.as_view(), name="token"),
    path("oauth2/revoke", RevocationView.as_view(), name="revoke"),
    path("oauth2/introspect", IntrospectionView.as_view(), name="introspect"),
    path("oauth2/userinfo", UserInfoView.as_view(), name="userinfo"),
    path("oauth2/applications", applications.application_list, name="applications"),
    path("oauth2/applications/<uuid:family>/end", applications.application_end, name="application-end"),
    path("oauth2/jwks", documents.jwks, name="jwks"),
    path(
        ".well-known/oauth-authorization-server",
        documents.authorization_server,
        name="authorization-server",
    ),
    path(".well-known/oauth-authorization-server/<path:path>", documents.authorization_server),
    path(".well-known/oauth-protected-resource", documents.protected_resource, name="protected-resource"),
    path(".well-known/oauth-protected-resource/<path:path>", documents.protected_resource),
]
