"""A token as an answer shows it."""

from rest_framework import serializers

from tokenauth.models import AccessToken


class TokenSerializer(serializers.ModelSerializer[AccessToken]):
    """What its owner may know of a token: neither its text nor its digest."""

    scopes = serializers.ListField(child=serializers.CharField(), read_only=True)
    allowed_networks = serializers.ListField(child=serializers.CharField(), read_only=True)
    status = serializers.ChoiceField(choices=AccessToken.Status.choices, read_only=True)

    class Meta:
        model = AccessToken
        fields = (
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
        read_only_fields = fields


class CreatedTokenSerializer(TokenSerializer):
    """A token that was made just now: with its text, as ``token``."""

    token = serializers.CharField(source="raw_token", read_only=True)

    class Meta(TokenSerializer.Meta):
        fields = ("token", *TokenSerializer.Meta.fields)  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]
