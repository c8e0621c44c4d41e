from typing import Any

from django.db import models
from rest_framework import serializers

from testproject.inventory.models import Asset, Event, Schedule, Session, Site
from tokenauth.core.organizations import rows_open_to


class OwnedSerializer(serializers.ModelSerializer):
    """Takes references to other objects only from the organizations that are open to the caller."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        request = self.context["request"]
        for field in fields.values():
            queryset = getattr(field, "queryset", None)
            if queryset is not None:
                field.queryset = rows_open_to(queryset, request.user, request.auth)  # type: ignore[attr-defined]
        return fields


def _serializer(of: type[models.Model], *names: str) -> type[OwnedSerializer]:
    class Meta:
        model = of
        fields = ("id", "organization", *names)
        read_only_fields = ("organization",)

    return type(f"{of.__name__}Serializer", (OwnedSerializer,), {"Meta": Meta})


SiteSerializer = _serializer(Site, "name", "city")
AssetSerializer = _serializer(Asset, "site", "name", "kind", "power_kw")
ScheduleSerializer = _serializer(Schedule, "asset", "name", "starts_at", "ends_at", "limit_kw")
SessionSerializer = _serializer(Session, "asset", "started_at", "ended_at", "energy_kwh")
EventSerializer = _serializer(Event, "asset", "happened_at", "message")
