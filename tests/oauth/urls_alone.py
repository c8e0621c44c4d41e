"""OAuth in a project that has no other pages of this package."""

from django.urls import include, path

urlpatterns = [path("", include("tokenauth.oauth.urls"))]
