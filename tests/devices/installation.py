"""An application installed on a device, which speaks to a server over HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from tests.devices.device import Device, application_version, now_ms
from tokenauth.devices import lifecycle
from tokenauth.devices.protocol import (
    counter,
    ecies,
    elliptic_curve,
    key_derivation,
    status_blob,
    temporary_keys,
)
from tokenauth.devices.protocol.encrypted_messages import EncryptedResponse
from tokenauth.devices.protocol.headers import (
    ENCRYPTION_HEADER,
    SIGNATURE_HEADER,
    TOKEN_HEADER,
    EncryptionHeader,
)
from tokenauth.devices.protocol.octets import decoded, encoded
from tokenauth.devices.protocol.sdk_configuration import SdkConfiguration
from tokenauth.devices.protocol.signatures import SignatureType
from tokenauth.devices.protocol.token_digest import new_nonce
from tokenauth.devices.protocol.versions import Version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from testproject.accounts.models import User
    from tokenauth.devices.models import ApplicationVersion

    Send = Callable[[str, str, bytes, Mapping[str, str]], "Answer"]

UNAUTHENTICATED = (401, "ERR_AUTHENTICATION", "POWER_AUTH_SIGNATURE_INVALID")
NO_ACTIVATION = (400, "ERR_ACTIVATION", "POWER_AUTH_ACTIVATION_INVALID")
NOT_OPENED = (400, "ERR_ENCRYPTION", "POWER_AUTH_ENCRYPTION_FAILED")
NO_TEMPORARY_KEY = (400, "ERR_TEMPORARY_KEY", "POWER_AUTH_TEMPORARY_KEY_FAILURE")
MALFORMED = (400, "ERROR_GENERIC", "UNKNOWN_ERROR")


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def okay(self) -> Any:
        """What an answer that is not encrypted says."""
        assert self.status == 200, self
        assert self.json()["status"] == "OK"
        return self.json().get("responseObject")

    def refusal(self) -> tuple[int, str, str]:
        """The status, the code and the message of an answer that is nothing else."""
        members = self.json()
        assert set(members) == {"status", "responseObject"}
        assert members["status"] == "ERROR"
        assert set(members["responseObject"]) == {"code", "message"}
        return self.status, members["responseObject"]["code"], members["responseObject"]["message"]


def through(client: Client | AsyncClient) -> Send:
    """Django's test client."""

    def send(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        answer: Any = client.generic(method, path, body, content_type="application/json", headers=headers)

        async def run() -> Any:
            return await answer

        response = async_to_sync(run)() if isinstance(client, AsyncClient) else answer
        return Answer(response.status_code, response.content)

    return send


def over_network(url: str) -> Send:
    """To a server that listens at ``url``."""
    opener = build_opener(ProxyHandler({}))

    def send(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        request = Request(  # noqa: S310 - the address is a test's own
            f"{url}{path}", body or None, {"Content-Type": "application/json", **headers}, method=method
        )
        try:
            with opener.open(request, timeout=30) as response:
                return Answer(response.status, response.read())
        except HTTPError as error:
            with error:
                return Answer(error.code, error.read())

    return send


@dataclass
class LocalToken:
    """A token as a device keeps it."""

    id: str
    secret: bytes = field(repr=False)


@dataclass
class Installation:
    """``configuration`` is all that it knows of the server."""

    configuration: SdkConfiguration
    version: Version = Version.V3_3
    send: Send = field(default_factory=lambda: through(Client()))

    @classmethod
    def of(cls, release: ApplicationVersion, version: Version = Version.V3_3, **fields: Any) -> Installation:
        point = decoded(release.application.master_public_key, "the public key")
        configuration = SdkConfiguration(
            release.key, encoded(release.secret), elliptic_curve.public_key(point)
        )
        return cls(configuration, version, **fields)

    def post(self, path: str, members: Any, headers: Mapping[str, str] | None = None) -> Answer:
        return self.send("POST", path, json.dumps(members).encode(), headers or {})

    def server_time_ms(self) -> int:
        return int(self.post("/pa/v3/status", {}).okay()["serverTime"])

    def temporary_key(self) -> temporary_keys.TemporaryKey | None:
        """One for what any installation may send; None in a version that has none."""
        if not self.version.has_temporary_keys:
            return None
        request = self.key_request()
        key = temporary_keys.request_key(self.configuration.application_secret)
        return self._key(request, key, self.configuration.master_public_key)

    def key_request(self, activation_id: str = "") -> temporary_keys.TemporaryKeyRequest:
        challenge = encoded(new_nonce())
        return temporary_keys.TemporaryKeyRequest(
            self.configuration.application_key, challenge, activation_id
        )

    def encrypt(
        self,
        purpose: str,
        members: Any,
        key: temporary_keys.TemporaryKey | None,
        *,
        timestamp_ms: int | None = None,
    ) -> tuple[dict[str, Any], ecies.Exchange]:
        """A message in the scope of the application, and what opens the answer."""
        scope = ecies.application_scope(
            self.version,
            purpose,
            application_key=self.configuration.application_key,
            application_secret=self.configuration.application_secret,
            temporary_key_id=key.key_id if key else "",
        )
        public = key.public_key if key else self.configuration.master_public_key
        plaintext = members if isinstance(members, bytes) else json.dumps(members).encode()
        request, exchange = ecies.encrypt_request(plaintext, public, scope, timestamp_ms or now_ms())
        return request.render(), exchange

    def encryption_header(self, version: Version | None = None) -> dict[str, str]:
        header = EncryptionHeader(self.configuration.application_key, version or self.version)
        return {ENCRYPTION_HEADER: header.render()}

    def activation_request(
        self, code: str, private: elliptic_curve.PrivateKey | None = None, **said: Any
    ) -> tuple[dict[str, Any], ecies.Exchange, ecies.Exchange]:
        """A request, and what opens the two layers of the answer. ``said``: more of the device, or other."""
        key = self.temporary_key()
        private = private or elliptic_curve.new_private_key()
        point = elliptic_curve.public_octets(private.public_key(), compressed=True)
        described = {
            "devicePublicKey": encoded(point),
            "activationName": "Petra's tablet",
            "platform": "android",
            "deviceInfo": "SM-X200",
            **said,
        }
        inner, opens_inner = self.encrypt("/pa/activation", described, key)
        members = {"type": "CODE", "identityAttributes": {"code": code}, "activationData": inner}
        outer, opens_outer = self.encrypt("/pa/generic/application", members, key)
        return outer, opens_outer, opens_inner

    def try_to_activate(self, code: str, **said: Any) -> Answer:
        request, _, _ = self.activation_request(code, **said)
        return self.post("/pa/v3/activation/create", request, self.encryption_header())

    def activate(self, code: str, **said: Any) -> ActivatedDevice:
        private = elliptic_curve.new_private_key()
        request, opens_outer, opens_inner = self.activation_request(code, private, **said)
        answer = self.post("/pa/v3/activation/create", request, self.encryption_header())
        assert answer.status == 200, answer
        outer = json.loads(opens_outer.decrypt_response(EncryptedResponse.parse(answer.json())))
        inner = EncryptedResponse.parse(outer["activationData"])
        told = json.loads(opens_inner.decrypt_response(inner))
        server = elliptic_curve.public_key(decoded(told["serverPublicKey"], "serverPublicKey"))
        master = key_derivation.master_secret(private, server)
        return ActivatedDevice(
            told["activationId"],
            self.configuration.application_key,
            self.configuration.application_secret,
            key_derivation.device_keys(master),
            decoded(told["ctrData"], "ctrData", 16),
            self.version,
            self,
            server,
        )

    def ask_for_key(self, request: temporary_keys.TemporaryKeyRequest, key: bytes) -> Answer:
        """:param key: which signs the request."""
        text = temporary_keys.sign_request(request, key)
        return self.post("/pa/v3/keystore/create", {"requestObject": {"jwt": text}})

    def _key(
        self, request: temporary_keys.TemporaryKeyRequest, key: bytes, public: elliptic_curve.PublicKey
    ) -> temporary_keys.TemporaryKey:
        answer = self.ask_for_key(request, key)
        return temporary_keys.verify_response(answer.okay()["jwt"], request, public)


@dataclass
class ActivatedDevice(Device):
    installation: Installation = None  # type: ignore[assignment]
    server_public_key: elliptic_curve.PublicKey = None  # type: ignore[assignment]

    def temporary_key(self) -> temporary_keys.TemporaryKey | None:
        if not self.version.has_temporary_keys:
            return None
        request = self.installation.key_request(self.activation_id)
        return self.installation._key(request, self.request_key(), self.server_public_key)

    def request_key(self) -> bytes:
        """What signs the question for a temporary key."""
        return temporary_keys.request_key(self.application_secret, self.keys.transport)

    def status(self) -> status_blob.StatusBlob:
        """:raises ProtocolError: it is no status."""
        challenge = new_nonce() if self.version.has_nonces else b""
        asked = {"activationId": self.activation_id}
        if challenge:
            asked["challenge"] = encoded(challenge)
        told = self.installation.post("/pa/v3/activation/status", {"requestObject": asked}).okay()
        assert told["activationId"] == self.activation_id
        nonce = decoded(told["nonce"], "nonce", 16) if challenge else b""
        blob = decoded(told["encryptedStatusBlob"], "encryptedStatusBlob")
        return status_blob.decrypt(blob, self.keys.transport, challenge, nonce)

    def is_at(self, told: status_blob.StatusBlob) -> bool:
        """Whether the counter is where the server said that its own is."""
        return told.counter_hash == counter.counter_hash(self.keys.transport, self.counter)

    def send(
        self, path: str, body: bytes = b"", *, method: str = "POST", uri_id: str = "", **signed: Any
    ) -> Answer:
        """A signed request. The id of its address is that without the version, unless it is given."""
        header = self.signature(uri_id or path.replace("/v3", ""), body, method=method, **signed)
        return self.installation.send(method, path, body, {SIGNATURE_HEADER: header})

    def token_request(
        self,
        key: temporary_keys.TemporaryKey | None,
        *,
        timestamp_ms: int | None = None,
        activation_id: str = "",
    ) -> tuple[bytes, ecies.Exchange]:
        """The body of ``token/create``, and what opens the answer."""
        scope = ecies.activation_scope(
            self.version,
            "/pa/token/create",
            application_key=self.application_key,
            application_secret=self.application_secret,
            activation_id=activation_id or self.activation_id,
            transport_key=self.keys.transport,
            temporary_key_id=key.key_id if key else "",
        )
        public = key.public_key if key else self.server_public_key
        request, exchange = ecies.encrypt_request(b"{}", public, scope, timestamp_ms or now_ms())
        return json.dumps(request.render()).encode(), exchange

    def try_to_create_token(self, **signed: Any) -> Answer:
        body, _ = self.token_request(self.temporary_key())
        return self.send("/pa/v3/token/create", body, **signed)

    def create_token(self, factors: SignatureType = SignatureType.POSSESSION_KNOWLEDGE) -> LocalToken:
        body, exchange = self.token_request(self.temporary_key())
        answer = self.send("/pa/v3/token/create", body, factors=factors)
        assert answer.status == 200, answer
        told = json.loads(exchange.decrypt_response(EncryptedResponse.parse(answer.json())))
        return LocalToken(told["tokenId"], decoded(told["tokenSecret"], "tokenSecret", 16))

    def remove_token(self, token_id: str) -> Answer:
        body = json.dumps({"requestObject": {"tokenId": token_id}}).encode()
        return self.send("/pa/v3/token/remove", body, factors=SignatureType.POSSESSION)

    def validate(self, **signed: Any) -> Answer:
        return self.send("/pa/v3/signature/validate", b'{"any": "thing"}', **signed)

    def get(self, path: str, token: Any, **stamped: Any) -> Answer:
        """A request with a token."""
        headers = {TOKEN_HEADER: self.token_header(token, **stamped)}
        return self.installation.send("GET", path, b"", headers)


def activated(
    user: User, version: Version = Version.V3_3, release: ApplicationVersion | None = None, **fields: Any
) -> ActivatedDevice:
    """A device of ``user`` that has come by a code, and needs nobody to commit it."""
    release = release or application_version()
    new = lifecycle.create(user, release.application, commit_at_once=True)
    return Installation.of(release, version, **fields).activate(new.code)
