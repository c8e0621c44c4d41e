"""A person's own tokens: ``path("tokens/", include("tokenauth.pages.urls"))``."""

from django.urls import path

from tokenauth.pages import views

app_name = "tokenauth"

urlpatterns = [
    path("", views.token_list, name="token-list"),
    path("new/", views.token_create, name="token-create"),
    # A text: of which type the key is, the view asks the model.
    path("<pk>/rotate/", views.token_rotate, name="token-rotate"),
    path("<pk>/revoke/", views.token_revoke, name="token-revoke"),
]
