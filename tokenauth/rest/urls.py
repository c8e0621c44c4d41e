"""Tokens over HTTP: ``path("api/", include("tokenauth.rest.urls"))``."""

from django.urls import path

from tokenauth.rest.leaks import LeakReportView
from tokenauth.rest.login import LoginView
from tokenauth.rest.tokens import CurrentTokenView, TokenListView, TokenRotationView, TokenView

urlpatterns = [
    path("tokens/", TokenListView.as_view(), name="tokens"),
    path("tokens/login/", LoginView.as_view(), name="token-login"),
    path("tokens/current/", CurrentTokenView.as_view(), name="token-current"),
    path("tokens/<str:token_id>/", TokenView.as_view(), name="token"),
    path("tokens/<str:token_id>/rotate/", TokenRotationView.as_view(), name="token-rotation"),
    path("leaks/", LeakReportView.as_view(), name="token-leaks"),
]
