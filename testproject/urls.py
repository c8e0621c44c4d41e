from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("api/", include("tokenauth.rest.urls")),
    path("inventory-service/", include("testproject.inventory.urls")),
]
