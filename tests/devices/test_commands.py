"""What operators do from a shell: applications, activations, keys, pruning."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.devices.device import active_device, application_version
from tests.test_secrets import everything_stored
from tokenauth.devices import lifecycle, reencryption
from tokenauth.devices.fingerprints import fingerprint_of
from tokenauth.devices.models import Activation, ApplicationVersion, DeviceToken, TemporaryKey, UsedNonce
from tokenauth.devices.protocol.octets import encoded
from tokenauth.devices.protocol.sdk_configuration import SdkConfiguration

if TYPE_CHECKING:
    from collections.abc import Callable

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

Status = Activation.Status


def run(*args: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(*args, stdout=out, stderr=err, no_color=True)
    return out.getvalue(), err.getvalue()


def printed(*args: str) -> tuple[dict[str, str], str]:
    """What is printed as an environment has it, and what is said beside."""
    out, err = run(*args)
    return dict(line.split("=", 1) for line in out.splitlines()), err


def activation_of(user: User, status: Status = Status.ACTIVE, **fields: Any) -> Activation:
    return active_device(user, status=status, **fields)[1]


def answering(answer: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Somebody sits there, and says so; what they are asked."""
    asked: list[str] = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or answer)
    return asked


class TestApplications:
    def test_an_application_comes_with_a_version(self) -> None:
        values, said = printed("createdeviceapplication", "Field app")
        version = ApplicationVersion.objects.get()
        assert (version.application.name, version.name) == ("Field app", "1.0")
        assert values["APPLICATION_ID"] == str(version.application_id)
        assert (values["APPLICATION_KEY"], values["APPLICATION_SECRET"]) == (
            version.key,
            encoded(version.secret),
        )
        assert SdkConfiguration.parse(values["SDK_CONFIGURATION"]).render() == values["SDK_CONFIGURATION"]
        assert "Field app 1.0" in said
        assert values["APPLICATION_SECRET"] not in said + everything_stored()

    def test_another_version(self) -> None:
        first, _ = printed("createdeviceapplication", "Field app", "--release", "1")
        second, _ = printed("createdeviceversion", "Field app", "2")
        assert second["APPLICATION_ID"] == first["APPLICATION_ID"]
        assert second["MASTER_PUBLIC_KEY"] == first["MASTER_PUBLIC_KEY"]
        assert second["APPLICATION_KEY"] != first["APPLICATION_KEY"]
        third, _ = printed("createdeviceversion", first["APPLICATION_ID"], "3")
        assert third["APPLICATION_ID"] == first["APPLICATION_ID"]
        names = ApplicationVersion.objects.values_list("name", flat=True)
        assert list(names) == ["1", "2", "3"]

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (("createdeviceapplication", " "), "NAME: "),
            (("createdeviceapplication", "Field app", "--release", "1" * 65), "--release: "),
            (("createdeviceversion", "Nothing", "1.0"), "APPLICATION: "),
        ],
    )
    def test_what_is_refused(self, args: tuple[str, ...], said: str) -> None:
        with pytest.raises(CommandError, match=f"^{said}"):
            run(*args)
        assert not ApplicationVersion.objects.exists()

    def test_of_two_with_one_name_the_ids_are_told(self) -> None:
        ids = {printed("createdeviceapplication", "Field app")[0]["APPLICATION_ID"] for _ in range(2)}
        with pytest.raises(CommandError, match=r"^APPLICATION: More than one") as caught:
            run("createdeviceversion", "Field app", "2")
        assert all(each in str(caught.value) for each in ids)

    def test_that_another_has_the_name_is_said_and_it_is_made(self) -> None:
        first, said = printed("createdeviceapplication", "Field app")
        assert "createdeviceversion" not in said
        printed("createdeviceapplication", "Another")
        second, said = printed("createdeviceapplication", "Field app")
        assert "createdeviceversion" in said
        assert first["APPLICATION_ID"] in said
        assert second["APPLICATION_ID"] not in said
        assert ApplicationVersion.objects.filter(application__name="Field app").count() == 2


class TestActivation:
    def test_the_code_is_printed_once(self, alice: User) -> None:
        application_version()
        values, said = printed("activatedevice", "alice", "--application", "Field app")
        activation = Activation.objects.get()
        assert (activation.user, activation.status, activation.commit_at_once) == (
            alice,
            Status.CREATED,
            False,
        )
        assert values["ACTIVATION_ID"] == str(activation.pk)
        assert activation.code_digest == lifecycle.digest_of_code(values["ACTIVATION_CODE"])
        assert values["QR_TEXT"].startswith(f"{values['ACTIVATION_CODE']}#")
        assert "commitdevice" in said
        assert values["ACTIVATION_CODE"] not in said + everything_stored()

    def test_it_is_said_when_nobody_commits_it_and_when_it_is_of_no_use(self, alice: User) -> None:
        application_version()
        alice.is_active = False
        alice.save()
        _, said = printed("activatedevice", "alice", "--application", "Field app", "--commit-at-once")
        assert Activation.objects.get().commit_at_once
        assert "commitdevice" not in said
        assert "inactive" in said

    @pytest.mark.parametrize(
        ("username", "application", "said"),
        [("carol", "Field app", "USERNAME: "), ("alice", "Another app", "--application: ")],
    )
    def test_what_is_refused(self, username: str, application: str, said: str, alice: User) -> None:
        application_version()
        with pytest.raises(CommandError, match=f"^{said}"):
            run("activatedevice", username, "--application", application)
        assert not Activation.objects.exists()

    def test_a_picture_for_the_terminal(self, alice: User) -> None:
        pytest.importorskip("segno", reason="The extra “devices” is not installed.")
        application_version()
        values, said = printed("activatedevice", "alice", "--application", "Field app", "--qr")
        assert len(values) == 3
        assert "█" in said

    def test_without_segno_nothing_is_made_that_could_not_be_shown(
        self, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        application_version()
        with pytest.raises(CommandError, match="segno"):
            run("activatedevice", "alice", "--application", "Field app", "--qr")
        assert not Activation.objects.exists()


class TestChanges:
    @pytest.mark.parametrize(
        ("command", "before", "after"),
        [
            ("commitdevice", Status.PENDING_COMMIT, Status.ACTIVE),
            ("blockdevice", Status.ACTIVE, Status.BLOCKED),
            ("unblockdevice", Status.BLOCKED, Status.ACTIVE),
            ("removedevice", Status.ACTIVE, Status.REMOVED),
        ],
    )
    def test_one_after_the_other(self, command: str, before: Status, after: Status, alice: User) -> None:
        activation = activation_of(alice, before)
        args = ["--yes"] if command == "removedevice" else []
        out, _ = run(command, str(activation.pk), *args)
        assert Activation.objects.get().status == after
        assert "“Tablet” of alice" in out
        with pytest.raises(CommandError, match="Nothing was changed"):
            run(command, str(activation.pk), *args)

    @pytest.mark.parametrize(("answer", "is_committed"), [("y", True), ("n", False), ("", False)])
    def test_committing_asks_for_the_fingerprint(
        self, answer: str, is_committed: bool, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = answering(answer, monkeypatch)
        activation = activation_of(alice, Status.PENDING_COMMIT)
        if is_committed:
            assert fingerprint_of(activation) in run("commitdevice", str(activation.pk))[0]
        else:
            with pytest.raises(CommandError, match="Nothing was committed"):
                run("commitdevice", str(activation.pk))
        assert (Activation.objects.get().status == Status.ACTIVE) is is_committed
        assert fingerprint_of(activation) in asked[0]

    def test_nothing_is_asked_where_nothing_can_be_committed_or_it_was_compared(
        self, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = answering("n", monkeypatch)
        with pytest.raises(CommandError, match="active already"):
            run("commitdevice", str(activation_of(alice).pk))
        run("commitdevice", str(activation_of(alice, Status.PENDING_COMMIT).pk), "--yes")
        assert not asked

    @pytest.mark.parametrize("command", ["commitdevice", "blockdevice", "unblockdevice", "removedevice"])
    def test_what_is_no_id(self, command: str, alice: User) -> None:
        code = lifecycle.create(alice, application_version().application).code
        with pytest.raises(CommandError) as caught:
            run(command, code)
        assert code not in str(caught.value)
        unknown = str(uuid4())
        with pytest.raises(CommandError, match=unknown):
            run(command, unknown)

    def test_why_it_is_blocked(self, alice: User) -> None:
        activation = activation_of(alice)
        DeviceToken.objects.create(activation=activation, secret=b"s" * 16, signature_type="possession")
        out, _ = run("blockdevice", str(activation.pk), "--reason", "Lost on a train.")
        assert Activation.objects.get().blocked_reason == "Lost on a train."
        assert "1 token of it" in out
        with pytest.raises(CommandError, match=r"^--reason: "):
            run("blockdevice", str(activation_of(alice).pk), "--reason", "r" * 256)

    @pytest.mark.parametrize(("answer", "is_removed"), [("y", True), ("n", False), ("", False)])
    def test_removing_asks_first(
        self, answer: str, is_removed: bool, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = answering(answer, monkeypatch)
        activation = activation_of(alice, last_used_at=timezone.now())
        DeviceToken.objects.create(activation=activation, secret=b"s" * 16, signature_type="possession")
        if is_removed:
            run("removedevice", str(activation.pk))
        else:
            with pytest.raises(CommandError, match="Nothing was removed"):
                run("removedevice", str(activation.pk))
        assert (Activation.objects.get().status == Status.REMOVED) is is_removed
        assert "1 token; last used 20" in asked[0]

    def test_a_script_says_so_beforehand(self, alice: User) -> None:
        activation = activation_of(alice)
        with pytest.raises(CommandError, match="--yes"):
            run("removedevice", str(activation.pk))
        assert Activation.objects.get().status == Status.ACTIVE


class TestList:
    def test_a_table(self, alice: User, bob: User) -> None:
        of_alice = activation_of(alice, name="Tab\x1b[2Jlet")
        activation_of(bob, Status.BLOCKED)
        out, err = run("listdevices")
        assert err.strip() == "2 devices"
        assert str(of_alice.pk) in out
        assert "Tab?[2Jlet" in out
        out, err = run("listdevices", "--user", "bob")
        assert "blocked" in out
        assert "alice" not in out
        assert err.strip() == "1 device"

    def test_by_status(self, alice: User) -> None:
        for status in Status:
            activation_of(alice, status)
        activation_of(alice, Status.CREATED, expires_at=timezone.now())
        for name in ("created", "pending_commit", "active", "blocked", "removed", "expired"):
            found = json.loads(run("listdevices", "--status", name, "--format", "json")[0])
            assert [each["status"] for each in found] == [name]

    def test_by_application(self, alice: User) -> None:
        activation_of(alice)
        release = application_version("Another")
        active_device(alice, release)
        found = json.loads(run("listdevices", "--application", "Another", "--format", "json")[0])
        assert [each["application"] for each in found] == ["Another"]

    def test_nothing_secret_is_in_it(self, alice: User) -> None:
        activation = activation_of(alice)
        out, _ = run("listdevices", "--format", "json")
        assert [each["fingerprint"] for each in json.loads(out)] == [fingerprint_of(activation)]
        for column in (
            "counter_data",
            "server_public_key",
            "device_public_key",
            "encrypted_server_private_key",
        ):
            assert getattr(activation, column) not in out

    @pytest.mark.parametrize("option", ["--user", "--application"])
    def test_what_there_is_not(self, option: str) -> None:
        with pytest.raises(CommandError, match=f"^{option}: "):
            run("listdevices", option, "carol")


class TestReencryption:
    KEYS = {1: "k" * 32, 2: "l" * 32}

    def secrets(self) -> list[str]:
        stored = [each.encrypted_server_private_key for each in Activation.objects.all()]
        stored += [each.encrypted_secret for each in DeviceToken.objects.all()]
        stored += [each.encrypted_private_key for each in TemporaryKey.objects.all()]
        for version in ApplicationVersion.objects.select_related("application"):
            stored += [version.encrypted_secret, version.application.encrypted_master_private_key]
        return stored

    @pytest.fixture
    def token(self, alice: User) -> DeviceToken:
        activation = activation_of(alice)
        TemporaryKey.objects.create(
            version=activation.version, private_key=b"p" * 32, expires_at=timezone.now()
        )
        return DeviceToken.objects.create(
            activation=activation, secret=b"s" * 16, signature_type="possession"
        )

    def test_every_secret_moves(self, token: DeviceToken, tokenauth_settings: Callable[..., None]) -> None:
        assert {each[:2] for each in self.secrets()} == {"0$"}
        tokenauth_settings(DEVICE_ENCRYPTION_KEYS=self.KEYS)
        assert run("reencryptdevices", "--dry-run")[0].strip() == "Would encrypt 5 secrets by key 2."
        assert {each[:2] for each in self.secrets()} == {"0$"}
        out, _ = run("reencryptdevices", "--batch", "1")
        assert out.strip() == "Encrypted 5 secrets by key 2."
        assert {each[:2] for each in self.secrets()} == {"2$"}
        tokenauth_settings(DEVICE_ENCRYPTION_KEYS={2: self.KEYS[2]})
        assert DeviceToken.objects.get().secret == b"s" * 16
        assert run("reencryptdevices")[0].strip() == "Encrypted 0 secrets by key 2."

    def test_it_goes_on_where_it_stopped(
        self, token: DeviceToken, tokenauth_settings: Callable[..., None]
    ) -> None:
        tokenauth_settings(DEVICE_ENCRYPTION_KEYS=self.KEYS)
        next(reencryption.reencrypt(1))
        assert reencryption.outdated() == 4
        assert "4 secrets" in run("reencryptdevices")[0]

    def test_of_another_secret_key(self, token: DeviceToken, settings: Any) -> None:
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "another" * 8
        assert run("reencryptdevices")[0].strip() == "Encrypted 5 secrets by SECRET_KEY."
        settings.SECRET_KEY_FALLBACKS = []
        assert DeviceToken.objects.get().secret == b"s" * 16

    def test_what_cannot_be_read_is_said_and_the_rest_is_moved(
        self, token: DeviceToken, tokenauth_settings: Callable[..., None]
    ) -> None:
        DeviceToken.objects.update(encrypted_secret=f"7{token.encrypted_secret[1:]}")
        tokenauth_settings(DEVICE_ENCRYPTION_KEYS=self.KEYS)
        with pytest.raises(CommandError, match="1 secret cannot be read") as caught:
            run("reencryptdevices", "--batch", "1")
        assert str(token.pk) in str(caught.value)
        assert sorted({each[:2] for each in self.secrets()}) == ["2$", "7$"]

    def test_what_was_removed_stays_removed(
        self, token: DeviceToken, tokenauth_settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tokenauth_settings(DEVICE_ENCRYPTION_KEYS=self.KEYS)
        encrypt = reencryption.encryption.encrypt

        def removed_meanwhile(*args: Any) -> str:
            Activation.objects.update(encrypted_server_private_key="")
            return encrypt(*args)

        monkeypatch.setattr(reencryption.encryption, "encrypt", removed_meanwhile)
        run("reencryptdevices")
        assert Activation.objects.get().encrypted_server_private_key == ""


class TestPrune:
    def test_what_is_deleted_is_counted(self, alice: User) -> None:
        month = timezone.now() - timedelta(days=31)
        activation_of(alice, Status.REMOVED, removed_at=month)
        activation_of(alice, Status.CREATED, expires_at=month)
        kept = activation_of(alice)
        TemporaryKey.objects.create(version=kept.version, private_key=b"p" * 32, expires_at=month)
        UsedNonce.objects.create(token_id=uuid4(), nonce="0" * 32, expires_at=month)
        counts = "1 removed activation, 1 unfinished activation, 1 temporary key and 1 used nonce."
        assert run("prunedevices", "--dry-run")[0].strip() == f"Would delete {counts}"
        assert Activation.objects.count() == 3
        assert run("prunedevices", "--older-than", "40d")[0].startswith("Deleted 0 removed activations")
        TemporaryKey.objects.create(version=kept.version, private_key=b"p" * 32, expires_at=month)
        UsedNonce.objects.create(token_id=uuid4(), nonce="0" * 32, expires_at=month)
        assert run("prunedevices", "--batch", "1")[0].strip() == f"Deleted {counts}"
        assert list(Activation.objects.all()) == [kept]

    @pytest.mark.parametrize("command", ["prunedevices", "reencryptdevices"])
    @pytest.mark.parametrize("batch", ["0", "30001", "x"])
    def test_a_batch_is_no_larger_than_every_database_takes(self, command: str, batch: str) -> None:
        with pytest.raises(CommandError, match="is not a number from 1 to 30000"):
            run(command, "--batch", batch)
