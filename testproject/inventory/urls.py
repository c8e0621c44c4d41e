from django.urls import path
from rest_framework.routers import SimpleRouter

from testproject.inventory import exports, views

router = SimpleRouter(trailing_slash=False)
router.register("sites", views.SiteViewSet)
router.register("assets", views.AssetViewSet)
router.register("schedules", views.ScheduleViewSet)
router.register("sessions", views.SessionViewSet)
router.register("events", views.EventViewSet)

urlpatterns = [*router.urls, path("sites.csv", exports.sites_as_csv)]
