"""A device as the tests have one: its keys and its counter, and what it makes of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from tokenauth.devices.models import Activation, ApplicationVersion, DeviceApplication, DeviceToken
from tokenauth.devices.protocol import (
    counter,
    elliptic_curve,
    key_derivation,
    request_data,
    signatures,
    token_digest,
)
from tokenauth.devices.protocol.headers import SignatureHeader, TokenHeader
from tokenauth.devices.protocol.octets import encoded
from tokenauth.devices.protocol.signatures import SignatureType
from tokenauth.devices.protocol.versions import Version

if TYPE_CHECKING:
    from testproject.accounts.models import User


def _public(private: elliptic_curve.PrivateKey) -> str:
    return encoded(elliptic_curve.public_octets(private.public_key(), compressed=True))


def application_version(name: str = "Field app", version: str = "1.0") -> ApplicationVersion:
    """A release of a new application."""
    master = elliptic_curve.new_private_key()
    application = DeviceApplication.objects.create(
        name=name,
        master_private_key=elliptic_curve.private_octets(master),
        master_public_key=_public(master),
    )
    return ApplicationVersion.objects.create(
        application=application,
        name=version,
        key=encoded(token_digest.new_secret()),
        secret=token_digest.new_secret(),
    )


@dataclass
class Device:
    """One that was activated; ``counter`` moves with each signature, as a device's does."""

    activation_id: str
    application_key: str
    application_secret: str
    keys: key_derivation.DeviceKeys = field(repr=False)
    counter: bytes
    version: Version = Version.V3_3

    def signature(
        self,
        uri_id: str,
        body: bytes = b"",
        *,
        method: str = "POST",
        factors: SignatureType = SignatureType.POSSESSION_KNOWLEDGE,
        keys: tuple[bytes, ...] | None = None,
    ) -> str:
        """The value of ``X-PowerAuth-Authorization``. ``keys``: others than are right, as of a wrong PIN."""
        nonce = token_digest.new_nonce()
        octets = request_data.signed_octets(method, uri_id, nonce, body, self.application_secret)
        signed = signatures.sign(octets, keys or factors.keys(self.keys), self.counter, self.version)
        self.counter = counter.next_counter(self.counter)
        return SignatureHeader(
            self.activation_id, self.application_key, nonce, factors, signed, self.version
        ).render()

    def token_header(
        self,
        token: DeviceToken,
        *,
        timestamp_ms: int | None = None,
        nonce: bytes | None = None,
        version: Version | None = None,
        secret: bytes | None = None,
    ) -> str:
        """The value of ``X-PowerAuth-Token``."""
        timestamp_ms = now_ms() if timestamp_ms is None else timestamp_ms
        nonce, version = nonce or token_digest.new_nonce(), version or self.version
        digest = token_digest.token_digest(secret or token.secret, nonce, timestamp_ms, version)
        return TokenHeader(str(token.id), digest, nonce, timestamp_ms, version).render()


def now_ms() -> int:
    """Milliseconds since 1970, by the clock that a test has set."""
    return int(timezone.now().timestamp() * 1000)


def active_device(
    user: User,
    release: ApplicationVersion | None = None,
    *,
    version: Version = Version.V3_3,
    **fields: Any,
) -> tuple[Device, Activation]:
    """A device of ``user`` whose activation was committed, without the requests that lead there."""
    release = release or application_version()
    ours, its = elliptic_curve.new_private_key(), elliptic_curve.new_private_key()
    start = counter.new_counter()
    now = timezone.now()
    values: dict[str, Any] = {
        "application": release.application,
        "version": release,
        "user": user,
        "status": Activation.Status.ACTIVE,
        "expires_at": now + timedelta(minutes=5),
        "server_private_key": elliptic_curve.private_octets(ours),
        "server_public_key": _public(ours),
        "device_public_key": _public(its),
        "counter_data": start.hex(),
        "name": "Tablet",
        "committed_at": now,
    }
    activation = Activation.objects.create(**{**values, **fields})
    master = key_derivation.master_secret(its, ours.public_key())
    keys = key_derivation.device_keys(master)
    device = Device(str(activation.id), release.key, encoded(release.secret), keys, start, version)
    return device, activation
