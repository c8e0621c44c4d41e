from typing import Any

from rest_framework import mixins, viewsets
from rest_framework.exceptions import PermissionDenied
from rest_framework.serializers import BaseSerializer

from testproject.inventory import serializers
from testproject.inventory.models import Asset, Event, Schedule, Session, Site
from tokenauth.core.organizations import organizations_open_to
from tokenauth.exceptions import Reason
from tokenauth.permissions import HasScopes, SameOrganization


class OwnedViewSet(viewsets.GenericViewSet):
    """Shows what belongs to the caller's organizations, narrowed by the token's own."""

    permission_classes = [HasScopes, SameOrganization]
    filter_backends = [SameOrganization]

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        organizations = organizations_open_to(self.request.user, self.request.auth)
        if len(organizations) != 1:
            raise PermissionDenied(
                "What is created here belongs to one organization: use a token of one.",
                code=Reason.ORGANIZATION.value,
            )
        serializer.save(organization=next(iter(organizations)))


class EditableViewSet(OwnedViewSet, viewsets.ModelViewSet):
    pass


class ReadOnlyViewSet(OwnedViewSet, mixins.ListModelMixin, mixins.RetrieveModelMixin):
    pass


def _by_method(resource: str) -> dict[str, list[str]]:
    write = [f"write:{resource}"]
    return {"GET": [f"read:{resource}"], "POST": write, "PUT": write, "PATCH": write, "DELETE": write}


class SiteViewSet(EditableViewSet):
    required_scopes = _by_method("sites")
    queryset = Site.objects.all()
    serializer_class = serializers.SiteSerializer


class AssetViewSet(EditableViewSet):
    required_scopes = _by_method("assets")
    queryset = Asset.objects.all()
    serializer_class = serializers.AssetSerializer


class ScheduleViewSet(EditableViewSet):
    required_scopes = _by_method("schedules")
    queryset = Schedule.objects.all()
    serializer_class = serializers.ScheduleSerializer


class SessionViewSet(ReadOnlyViewSet):
    required_scopes = ["read:sessions"]
    queryset = Session.objects.all()
    serializer_class = serializers.SessionSerializer


class EventViewSet(ReadOnlyViewSet):
    required_scopes = ["read:events"]
    queryset = Event.objects.all()
    serializer_class = serializers.EventSerializer
