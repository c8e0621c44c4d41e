"""Tokens over HTTP: ``path("api/", include("tokenauth.rest.urls"))``."""

from django.urls import path

from tokenauth.rest.login import LoginView

urlpatterns = [
    path("tokens/login/", LoginView.as_view(), name="token-login"),
]
