"""A token as a request asks for it, and as an answer shows it."""

from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from tokenauth.core import durations
from tokenauth.core.credential import Environment, Kind
from tokenauth.models import AccessToken

# What its owner may know of a token: neither its text nor its digest.
_SHOWN = (
    "id",
    "name",
    "hint",
    "kind",
    "environment",
    "scopes",
    "organization",
    "allowed_networks",
    "created_at",
    "expires_at",
    "last_used_at",
    "status",
)


class TokenSerializer(serializers.ModelSerializer[AccessToken]):
    """A token, and what became of it."""

    # Said here for the schema: a personal token has none, and a client must know that.
    environment = serializers.ChoiceField(choices=Environment.choices, allow_blank=True, read_only=True)
    scopes = serializers.ListField(child=serializers.CharField(), read_only=True)
    allowed_networks = serializers.ListField(child=serializers.CharField(), read_only=True)
    status = serializers.ChoiceField(choices=AccessToken.Status.choices, read_only=True)

    class Meta:
        model = AccessToken
        fields: tuple[str, ...] = (
            *_SHOWN,
            "last_used_ip",
            "family",
            "rotated_from",
            "rotated_at",
            "revoked_at",
            "revoked_reason",
        )
        read_only_fields = fields


class CreatedTokenSerializer(TokenSerializer):
    """A token that was made just now: with its text, as ``token``."""

    token = serializers.CharField(source="raw_token", read_only=True)

    class Meta(TokenSerializer.Meta):
        fields = ("token", *_SHOWN)
        read_only_fields = fields


class _ChoiceField(serializers.ChoiceField):
    # What was sent is not repeated: JSON has texts that cannot be written again.
    default_error_messages = {"invalid_choice": _("This is none of the choices.")}


class NewTokenSerializer(serializers.Serializer[Any]):
    """What a token is made of; the core says what is wrong with it."""

    name = serializers.CharField(max_length=255)
    scopes = serializers.ListField(child=serializers.CharField(max_length=255), max_length=1000)
    kind = _ChoiceField(choices=Kind.choices, required=False)
    environment = _ChoiceField(choices=Environment.choices, required=False, allow_blank=True)
    organization = serializers.CharField(max_length=255, required=False, allow_blank=True)
    allowed_networks = serializers.ListField(
        child=serializers.CharField(max_length=64), max_length=1000, required=False
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class RotationSerializer(serializers.Serializer[Any]):
    """``overlap``: how long the old one works on, as ``12h``, or ``0``; ``ROTATION_OVERLAP`` without it."""

    overlap = serializers.CharField(max_length=20, required=False)

    def validate_overlap(self, text: str) -> timedelta:
        return durations.parse_overlap(text)


class TokenFilterSerializer(serializers.Serializer[Any]):
    """What a list may be asked for."""

    status = _ChoiceField(choices=AccessToken.Status.choices, required=False)
    kind = _ChoiceField(choices=Kind.choices, required=False)
    environment = _ChoiceField(choices=Environment.choices, required=False)
    family = serializers.UUIDField(required=False)


class LeakReportSerializer(serializers.Serializer[Any]):
    """``tokens``: their texts. What is none is passed over, whatever it is."""

    tokens = serializers.ListField(max_length=1000)
