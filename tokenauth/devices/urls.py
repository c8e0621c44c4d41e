"""``path("", include("tokenauth.devices.urls"))``: at the address that an SDK is configured with."""

from django.urls import path

from tokenauth.devices.views.activations import (
    ActivationCreateView,
    ActivationRemoveView,
    ActivationStatusView,
)
from tokenauth.devices.views.keystore import KeystoreCreateView
from tokenauth.devices.views.signatures import SignatureValidateView
from tokenauth.devices.views.status import ServerStatusView
from tokenauth.devices.views.tokens import TokenCreateView, TokenRemoveView

app_name = "tokenauth_devices"

urlpatterns = [
    path("pa/v3/status", ServerStatusView.as_view(), name="status"),
    path("pa/v3/keystore/create", KeystoreCreateView.as_view(), name="keystore-create"),
    path("pa/v3/activation/create", ActivationCreateView.as_view(), name="activation-create"),
    path("pa/v3/activation/status", ActivationStatusView.as_view(), name="activation-status"),
    path("pa/v3/activation/remove", ActivationRemoveView.as_view(), name="activation-remove"),
    path("pa/v3/signature/validate", SignatureValidateView.as_view(), name="signature-validate"),
    path("pa/v3/token/create", TokenCreateView.as_view(), name="token-create"),
    path("pa/v3/token/remove", TokenRemoveView.as_view(), name="token-remove"),
]
