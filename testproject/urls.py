from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

urlpatterns = [
    path("accounts/login/", LoginView.as_view(), name="login"),
    # Who is signed in nowhere may sign out: nothing happens.
    path("accounts/logout/", login_not_required(LogoutView.as_view()), name="logout"),
    path("admin/", admin.site.urls),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("tokens/", include("tokenauth.pages.urls")),
    path("api/", include("tokenauth.rest.urls")),
    path("", include("tokenauth.oauth.urls")),
    path("", include("tokenauth.devices.urls")),
    path("inventory-service/", include("testproject.inventory.urls")),
]
