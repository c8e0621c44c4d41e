"""Applications and activations in the admin: who may do what, and what is shown once."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from testproject.accounts.models import User
from tests.admin.conftest import root, staff, text_of
from tests.devices.device import active_device, application_version
from tests.test_german import assert_german
from tests.test_secrets import everything_stored
from tokenauth.devices import applications, lifecycle, login_log, pictures
from tokenauth.devices.admin import changes
from tokenauth.devices.fingerprints import fingerprint_of
from tokenauth.devices.models import Activation, ApplicationVersion, DeviceApplication, DeviceToken
from tokenauth.devices.protocol import elliptic_curve
from tokenauth.devices.protocol.octets import encoded
from tokenauth.models import TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

__all__ = ["root"]

pytestmark = pytest.mark.django_db

Status = Activation.Status
LIST = "admin:tokenauth_devices_activation_changelist"
PAGE = "admin:tokenauth_devices_activation_change"
ADD = "admin:tokenauth_devices_activation_add"
APPLICATIONS = "admin:tokenauth_devices_deviceapplication_changelist"
APPLICATION = "admin:tokenauth_devices_deviceapplication_change"
ADD_APPLICATION = "admin:tokenauth_devices_deviceapplication_add"
CODE = re.compile(r"[A-Z2-7]{5}(?:-[A-Z2-7]{5}){3}")
# Of each act: its button, and the status before it and after.
ACTS = {
    "commit": (Status.PENDING_COMMIT, Status.ACTIVE),
    "block": (Status.ACTIVE, Status.BLOCKED),
    "unblock": (Status.BLOCKED, Status.ACTIVE),
    "remove": (Status.ACTIVE, Status.REMOVED),
}


@pytest.fixture
def application(db: None) -> DeviceApplication:
    return application_version().application


def activation_of(user: User, status: Status = Status.ACTIVE, **fields: Any) -> Activation:
    return active_device(user, status=status, **fields)[1]


def token_of(activation: Activation) -> DeviceToken:
    return DeviceToken.objects.create(
        activation=activation, secret=b"s" * 16, signature_type="possession_knowledge"
    )


def act(client: Client, action: str, *activations: Activation, **data: str) -> Any:
    """The answer to an action of the list; with ``data`` as of a form that it showed."""
    ticked = {"action": f"{action}_selected", "_selected_action": [str(each.pk) for each in activations]}
    return client.post(reverse(LIST), {**ticked, **data}, follow=True)


def messages_of(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def make(client: Client, on: DeviceApplication, **data: str) -> Any:
    return client.post(reverse(ADD), {"owner": "alice", "application": str(on.pk), **data})


def code_in(answer: Any) -> str:
    (code,) = set(CODE.findall(text_of(answer)))
    return code


class TestAdd:
    def test_the_code_is_in_the_answer_and_nowhere_else(
        self, root: Client, alice: User, application: DeviceApplication
    ) -> None:
        answer = make(root, application)
        assert answer.status_code == 200
        assert "no-store" in answer["Cache-Control"]
        code, activation = code_in(answer), Activation.objects.get()
        assert activation.code_digest == lifecycle.digest_of_code(code)
        assert (activation.user, activation.created_by.username) == (alice, "root")
        assert not activation.commit_at_once
        assert code not in everything_stored()
        assert code not in str(root.cookies)
        for url in (reverse(PAGE, args=[activation.pk]), reverse(LIST), reverse(ADD)):
            assert code not in text_of(root.get(url))
        entry = LogEntry.objects.get()
        assert (entry.object_id, entry.change_message) == (str(activation.pk), "Made.")

    def test_a_picture_of_it(
        self, root: Client, alice: User, application: DeviceApplication, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("segno", reason="The extra “devices” is not installed.")
        drawn: list[str] = []
        svg = pictures.svg
        monkeypatch.setattr(pictures, "svg", lambda text: drawn.append(text) or svg(text))
        answer = make(root, application)
        (text,) = drawn
        assert text.startswith(f"{code_in(answer)}#")
        assert "<svg viewBox" in text_of(answer)
        assert "script" not in svg(text)
        assert "style=" not in svg(text)

    def test_without_segno_it_is_typed(
        self, root: Client, alice: User, application: DeviceApplication, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pictures, "can_draw", lambda: False)
        text = text_of(make(root, application))
        assert "tokenauth-picture" not in text
        assert "Type the code into the device." in text
        assert CODE.search(text)

    def test_what_nobody_commits(self, root: Client, alice: User, application: DeviceApplication) -> None:
        text = text_of(make(root, application, commit_at_once="on"))
        assert Activation.objects.get().commit_at_once
        assert "nobody need commit it" in text

    def test_who_may_not_commit_makes_none_that_nobody_commits(
        self, client: Client, alice: User, application: DeviceApplication
    ) -> None:
        staff(client, "add_activation", "view_activation")
        assert "commit_at_once" not in text_of(client.get(reverse(ADD), {"commit_at_once": "on"}))
        assert code_in(make(client, application, commit_at_once="on"))
        assert not Activation.objects.get().commit_at_once

    def test_who_may_commit_may_do_so_at_once(
        self, client: Client, alice: User, application: DeviceApplication
    ) -> None:
        staff(client, "add_activation", "view_activation", "commit_activation")
        assert "commit_at_once" in text_of(client.get(reverse(ADD)))
        assert code_in(make(client, application, commit_at_once="on"))
        assert Activation.objects.get().commit_at_once

    @pytest.mark.parametrize(
        ("data", "field"),
        [
            ({"owner": "carol"}, "owner"),
            ({"owner": ""}, "owner"),
            ({"application": str(uuid4())}, "application"),
        ],
    )
    def test_what_is_refused(
        self, data: dict[str, str], field: str, root: Client, alice: User, application: DeviceApplication
    ) -> None:
        answer = make(root, application, **data)
        assert set(answer.context["form"].errors) == {field}
        assert not Activation.objects.exists()

    def test_whoever_gets_the_code_may_do_all_that_the_user_may(
        self, client: Client, alice: User, application: DeviceApplication
    ) -> None:
        staff(client, "add_activation", "view_activation")
        assert make(client, application).status_code == 200
        assert Activation.objects.count() == 1
        alice.is_superuser = True
        alice.save()
        answer = make(client, application)
        assert "superusers alone" in str(answer.context["form"].errors["owner"])
        assert Activation.objects.count() == 1

    def test_it_has_a_permission_of_its_own(
        self, client: Client, alice: User, application: DeviceApplication
    ) -> None:
        staff(client, "view_activation", "commit_activation", "block_activation", "remove_activation")
        assert client.get(reverse(ADD)).status_code == 403
        assert make(client, application).status_code == 403
        assert not Activation.objects.exists()

    def test_after_a_while_the_password_is_asked_for(
        self, client: Client, alice: User, application: DeviceApplication
    ) -> None:
        boss = User.objects.create_superuser("boss", password="correct horse")
        client.force_login(boss)
        with time_machine.travel(timezone.now() + timedelta(hours=2)):
            assert set(make(client, application).context["form"].errors) == {"password"}
            assert not Activation.objects.exists()
            code_in(make(client, application, password="correct horse"))

    def test_who_has_no_password_signs_in_again_and_what_was_chosen_is_kept(
        self, root: Client, application: DeviceApplication
    ) -> None:
        with time_machine.travel(timezone.now() + timedelta(hours=2)):
            answer = make(root, application, sign_in_again="yes")
        assert answer.status_code == 302
        assert "owner%3Dalice" in answer["Location"]

    def test_the_only_application_is_chosen(self, root: Client, application: DeviceApplication) -> None:
        text = text_of(root.get(reverse(ADD), {"owner": "alice"}))
        assert f'<option value="{application.pk}" selected>' in text
        assert 'value="alice"' in text

    def test_applications_of_one_name_are_told_apart(
        self, root: Client, alice: User, application: DeviceApplication
    ) -> None:
        assert f'<option value="{application.pk}" selected>Field app</option>' in text_of(
            root.get(reverse(ADD))
        )
        applications.create_application("Another")
        twin = applications.create_application("Field app")
        for page in (reverse(ADD), reverse(LIST)):
            text = text_of(root.get(page))
            assert "Another (" not in text
            for each in (application, twin):
                assert f"Field app ({each.pk}, created " in text
        code_in(make(root, twin))
        assert Activation.objects.get().application == twin


class TestActs:
    @pytest.mark.parametrize("name", ACTS)
    def test_a_button_for_what_may_be_done(self, name: str, root: Client, alice: User) -> None:
        before, after = ACTS[name]
        activation = activation_of(alice, before)
        page = text_of(root.get(reverse(PAGE, args=[activation.pk])))
        allowed = {other for other, (status, _) in ACTS.items() if status == before} | {"remove"}
        assert set(re.findall(r'name="action" value="([a-z]+)_selected"', page)) == allowed
        answer = act(root, name, activation, post="yes", reason="")
        assert Activation.objects.get().status == after
        assert len(messages_of(answer)) == 1
        entry = LogEntry.objects.get()
        assert (entry.object_id, entry.user.username) == (str(activation.pk), "root")

    @pytest.mark.parametrize("name", ACTS)
    def test_each_needs_its_permission(self, name: str, client: Client, alice: User) -> None:
        before, after = ACTS[name]
        activation = activation_of(alice, before)
        needed = {"unblock": "block"}.get(name, name)
        others = {"commit", "block", "remove"} - {needed}
        staff(client, "view_activation", *(f"{other}_activation" for other in others))
        act(client, name, activation, post="yes", reason="")
        assert Activation.objects.get().status == before
        assert f"{name}_selected" not in text_of(client.get(reverse(PAGE, args=[activation.pk])))
        staff(client, "view_activation", f"{needed}_activation", username="other")
        act(client, name, activation, post="yes", reason="")
        assert Activation.objects.get().status == after

    @pytest.mark.parametrize("name", ACTS)
    def test_a_superusers_device_is_left_alone(self, name: str, client: Client, alice: User) -> None:
        before, _ = ACTS[name]
        alice.is_superuser = True
        alice.save()
        activation = activation_of(alice, before)
        staff(client, *(f"{codename}_activation" for codename in ("view", "commit", "block", "remove")))
        assert "_selected" not in text_of(client.get(reverse(PAGE, args=[activation.pk]))).split("footer")[0]
        answer = act(client, name, activation, post="yes", reason="")
        assert "superusers alone" in messages_of(answer)[0]
        assert Activation.objects.get().status == before
        assert not LogEntry.objects.exists()

    def test_what_the_status_does_not_allow_is_told_and_the_rest_is_done(
        self, root: Client, alice: User
    ) -> None:
        blocked, *active = activation_of(alice, Status.BLOCKED), activation_of(alice), activation_of(alice)
        answer = act(root, "block", blocked, *active, post="yes", reason="Stolen.")
        assert messages_of(answer) == [
            "1 device was left as it is: The activation is blocked.",
            "2 devices were blocked.",
        ]
        assert set(Activation.objects.values_list("status", flat=True)) == {Status.BLOCKED}
        assert set(Activation.objects.filter(blocked_reason="Stolen.")) == set(active)

    @pytest.mark.parametrize("name", ["block", "remove"])
    def test_it_is_said_first_what_it_stops(self, name: str, root: Client, alice: User) -> None:
        activation = activation_of(alice, last_used_at=timezone.now() - timedelta(days=3), platform="ios")
        for _ in range(2):
            token_of(activation)
        answer = act(root, name, activation)
        assert Activation.objects.get().status == Status.ACTIVE
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text_of(answer)))
        assert re.search(r"Tablet ios alice 2 \w+\.? \d+, 20\d\d", text)
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text_of(answer)))
        assert fields["_selected_action"] == str(activation.pk)
        del fields["csrfmiddlewaretoken"]
        root.post(reverse(LIST), {**fields, "reason": ""})
        assert Activation.objects.get().status == ACTS[name][1]
        assert DeviceToken.objects.count() == (2 if name == "block" else 0)

    def test_a_reason_that_is_too_long(self, root: Client, alice: User) -> None:
        answer = act(root, "block", activation_of(alice), post="yes", reason="r" * 256)
        assert set(answer.context["form"].errors) == {"reason"}
        assert Activation.objects.get().status == Status.ACTIVE

    @pytest.mark.parametrize("name", ACTS)
    def test_not_too_many_at_once(
        self, name: str, root: Client, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(changes, "AT_ONCE", 1)
        before, _ = ACTS[name]
        two = [activation_of(alice, before) for _ in range(2)]
        answer = act(root, name, *two, post="yes", reason="")
        assert "1 devices at most" in messages_of(answer)[0]
        assert set(Activation.objects.values_list("status", flat=True)) == {before}

    def test_what_is_no_id(self, root: Client, alice: User) -> None:
        activation_of(alice)
        answer = root.post(reverse(LIST), {"action": "remove_selected", "_selected_action": "x"}, follow=True)
        assert messages_of(answer) == ["This is no activation’s id."]

    def test_all_that_are_listed(self, root: Client, alice: User, bob: User) -> None:
        of_alice, of_bob = activation_of(alice), activation_of(bob)
        data = {"select_across": "1", "post": "yes", "reason": ""}
        url = f"{reverse(LIST)}?user__id__exact={alice.pk}"
        ticked = {"action": "block_selected", "_selected_action": str(of_alice.pk)}
        root.post(url, {**ticked, **data})
        assert Activation.objects.get(pk=of_alice.pk).status == Status.BLOCKED
        assert Activation.objects.get(pk=of_bob.pk).status == Status.ACTIVE

    def test_nothing_is_deleted_there(self, root: Client, alice: User) -> None:
        activation = activation_of(alice)
        url = reverse("admin:tokenauth_devices_activation_delete", args=[activation.pk])
        assert root.post(url, {"post": "yes"}).status_code == 403
        user = reverse("admin:accounts_user_delete", args=[alice.pk])
        assert root.post(user, {"post": "yes"}).status_code == 302
        assert not Activation.objects.exists()


class TestPages:
    def test_nothing_secret_is_shown(self, root: Client, alice: User) -> None:
        activation = activation_of(alice)
        token = token_of(activation)
        text = text_of(root.get(reverse(PAGE, args=[activation.pk]))) + text_of(root.get(reverse(LIST)))
        assert str(token.pk) in text
        assert fingerprint_of(activation) in text
        secrets = [activation.counter_data, activation.encrypted_server_private_key, token.encrypted_secret]
        assert not [secret for secret in secrets if secret in text]

    def test_who_may_not_see_it(self, client: Client, alice: User) -> None:
        activation = activation_of(alice)
        staff(client)
        for url in (reverse(LIST), reverse(PAGE, args=[activation.pk])):
            assert client.get(url).status_code == 403

    @pytest.mark.parametrize("name", ["created", "pending_commit", "active", "blocked", "removed", "expired"])
    def test_by_status(self, name: str, root: Client, alice: User) -> None:
        for status in Status:
            activation_of(alice, status)
        activation_of(alice, Status.CREATED, expires_at=timezone.now())
        found = root.get(reverse(LIST), {"status": name}).context["cl"].result_list
        assert [lifecycle.status_of(each) for each in found] == [name]
        assert root.get(reverse(LIST), {"status": "x"}).status_code == 302

    @pytest.mark.parametrize(
        "text", ["field", "alice tab", "iPhone", "{pk}", " {pk} ", "{start}", "alice {start}"]
    )
    def test_the_search(self, text: str, root: Client, alice: User, bob: User) -> None:
        wanted = activation_of(alice, name="Field tablet", device_info="iPhone 17")
        activation_of(bob, name="Phone")
        text = text.format(pk=wanted.pk, start=str(wanted.pk)[:8].upper())
        found = root.get(reverse(LIST), {"q": text}).context["cl"].result_list
        assert list(found) == [wanted]

    def test_what_the_login_log_has_of_it_is_found(self, root: Client, alice: User, bob: User) -> None:
        wanted = activation_of(alice)
        token_of(activation_of(bob))
        token = token_of(wanted)
        for hint in (login_log._hint("activation", wanted.pk), login_log._hint("token", token.pk)):
            found = root.get(reverse(LIST), {"q": hint}).context["cl"].result_list
            assert list(found) == [wanted]

    def test_a_code_that_is_good_for_days_says_which(
        self,
        root: Client,
        alice: User,
        application: DeviceApplication,
        tokenauth_settings: Callable[..., None],
    ) -> None:
        tokenauth_settings(DEVICE_ACTIVATION_LIFETIME=timedelta(days=3))
        answer = make(root, application)
        date = date_format(timezone.localtime(Activation.objects.get().expires_at), "DATETIME_FORMAT")
        assert f"It is good until {date}, and once." in html.unescape(text_of(answer))

    def test_a_column_is_not_guessed_at(self, root: Client, alice: User) -> None:
        activation_of(alice)
        for lookup in ("counter_data__startswith", "code_digest__startswith", "tokens__encrypted_secret"):
            assert root.get(reverse(LIST), {lookup: "a"}).status_code == 400

    def test_recent_attempts(self, root: Client, client: Client, alice: User) -> None:
        activation, other = activation_of(alice), activation_of(alice)
        token = token_of(activation)
        reasons = {
            f"activation {str(activation.pk)[:8]}…": "device_signature",
            f"token {str(token.pk)[:8]}…": "device_replayed",
            f"activation {str(other.pk)[:8]}…": "device_blocked",
        }
        for hint, reason in reasons.items():
            TokenLogin.objects.create(id_type="device", hint=hint, reason=reason, user=alice, success=False)
        page = root.get(reverse(PAGE, args=[activation.pk]))
        shown = {login.reason for login, _ in page.context["attempts"]}
        assert shown == {"device_signature", "device_replayed"}
        staff(client, "view_activation")
        assert "attempts" not in client.get(reverse(PAGE, args=[activation.pk])).context

    def test_the_list_asks_as_much_for_many_as_for_one(
        self, root: Client, alice: User, bob: User, django_assert_max_num_queries: Any
    ) -> None:
        release = application_version()
        for user in (alice, bob) * 5:
            active_device(user, release)
        with django_assert_max_num_queries(8):
            root.get(reverse(LIST))

    def test_german(self, root: Client, alice: User, settings: Any) -> None:
        settings.LANGUAGE_CODE = "de"
        application = application_version().application
        assert_german(root.get(reverse(ADD)), "Gerät aktivieren", "Sofort bestätigen")
        assert_german(make(root, application), "Der Aktivierungscode, nur dieses eine Mal angezeigt:")
        waiting, active = activation_of(alice, Status.PENDING_COMMIT), activation_of(alice)
        token_of(active)
        for each, button in ((waiting, "Bestätigen"), (active, "Sperren"), (active, "Entfernen")):
            assert_german(root.get(reverse(PAGE, args=[each.pk])), button, "Prüfzahl:")
        assert_german(act(root, "block", active), "Anzahl der Token", "Was so lange abgelehnt wird")
        assert_german(act(root, "remove", active), "Was endet")
        assert_german(act(root, "block", active, post="yes", reason=""), "1 Gerät wurde gesperrt.")
        assert_german(root.get(reverse(LIST)), "wartet auf Bestätigung", "gesperrt")
        assert_german(root.get(reverse(APPLICATIONS)), "Geräteanwendung")
        url = reverse(APPLICATION, args=[application.pk])
        assert_german(root.get(url), "SDK-Konfiguration", "Unterstützt")


class TestApplications:
    def form(self, **data: str) -> dict[str, str]:
        return {
            "name": "Field app",
            "versions-TOTAL_FORMS": "1",
            "versions-INITIAL_FORMS": "0",
            "versions-0-name": "1.0",
            "versions-0-is_supported": "on",
            **data,
        }

    def test_one_is_made_with_its_version(self, root: Client) -> None:
        assert root.post(reverse(ADD_APPLICATION), self.form()).status_code == 302
        version = ApplicationVersion.objects.get()
        assert (version.application.name, version.name, version.is_supported) == ("Field app", "1.0", True)
        private = elliptic_curve.private_key(version.application.master_private_key)
        assert applications.public_text(private) == version.application.master_public_key
        configuration = applications.sdk_configuration(version)
        page = html.unescape(text_of(root.get(reverse(APPLICATION, args=[version.application_id]))))
        assert configuration in page
        assert encoded(version.secret) in page

    @pytest.mark.parametrize("data", [{"versions-0-name": ""}, {"name": ""}, {"name": f"pat_{'a' * 36}"}])
    def test_what_is_refused(self, data: dict[str, str], root: Client) -> None:
        assert root.post(reverse(ADD_APPLICATION), self.form(**data)).status_code == 200
        assert not DeviceApplication.objects.exists()

    def test_no_two_versions_have_one_name(self, root: Client, application: DeviceApplication) -> None:
        version = ApplicationVersion.objects.get()
        form = self.form(
            **{
                "versions-TOTAL_FORMS": "2",
                "versions-INITIAL_FORMS": "1",
                "versions-0-id": str(version.pk),
                "versions-0-application": str(application.pk),
                "versions-1-name": "1.0",
                "versions-1-application": str(application.pk),
            }
        )
        assert root.post(reverse(APPLICATION, args=[application.pk]), form).status_code == 200
        assert ApplicationVersion.objects.get() == version

    def test_keys_stay_as_they_are(self, root: Client, application: DeviceApplication) -> None:
        version = ApplicationVersion.objects.get()
        before = ApplicationVersion.objects.values("key", "encrypted_secret").get()
        form = self.form(
            **{
                "name": "Renamed",
                "versions-TOTAL_FORMS": "2",
                "versions-INITIAL_FORMS": "1",
                "versions-0-id": str(version.pk),
                "versions-0-application": str(application.pk),
                "versions-0-is_supported": "",
                "versions-1-name": "2.0",
                "versions-1-application": str(application.pk),
                "versions-1-is_supported": "on",
            }
        )
        del form["versions-0-is_supported"]
        url = reverse(APPLICATION, args=[application.pk])
        assert root.post(url, form).status_code == 302
        after = DeviceApplication.objects.get()
        assert (after.name, after.master_public_key) == ("Renamed", application.master_public_key)
        old, new = ApplicationVersion.objects.order_by("name")
        assert {"key": old.key, "encrypted_secret": old.encrypted_secret} == before
        assert (old.is_supported, new.is_supported) == (False, True)
        assert new.key != old.key
        assert applications.version_of(new.key) == new

    def test_who_only_looks_is_not_shown_the_secret(
        self, client: Client, application: DeviceApplication
    ) -> None:
        version = ApplicationVersion.objects.get()
        url = reverse(APPLICATION, args=[application.pk])
        staff(client, "view_deviceapplication", "view_applicationversion")
        text = html.unescape(text_of(client.get(url)))
        assert "1.0" in text
        assert encoded(version.secret) not in text
        staff(client, "change_deviceapplication", "change_applicationversion", username="other")
        assert encoded(version.secret) in html.unescape(text_of(client.get(url)))

    def test_without_the_key_that_its_secret_was_encrypted_by(
        self, root: Client, application: DeviceApplication
    ) -> None:
        version = ApplicationVersion.objects.get()
        ApplicationVersion.objects.update(encrypted_secret=f"7{version.encrypted_secret[1:]}")
        text = html.unescape(text_of(root.get(reverse(APPLICATION, args=[application.pk]))))
        assert f"{version.pk} under key 7 cannot be read" in text

    def test_the_list(self, root: Client, application: DeviceApplication) -> None:
        text = text_of(root.get(reverse(APPLICATIONS)))
        assert "Field app" in text
        assert "1.0" in text
