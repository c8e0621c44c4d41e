from django.urls import include, path

urlpatterns = [path("", include("tests.projects.urls")), path("", include("testproject.inventory.urls"))]
