from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from testproject.accounts.models import User
from tests.admin.conftest import LOGINS, TOKEN, listed, staff, text_of
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def token(alice: User) -> AccessToken:
    return alice.generate_access_token("laptop", ["read:sites"])


@pytest.fixture(autouse=True)
def frozen(root: Client) -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2030-01-15T12:34:56Z", tick=False) as traveller:
        root.force_login(User.objects.get(username="root"))
        yield traveller


def login(**columns: Any) -> TokenLogin:
    return TokenLogin.objects.create(
        **{"id_type": "access_token", "success": False, "reason": "unknown", **columns}
    )


def row_of(client: Client, login: TokenLogin) -> str:
    html = text_of(client.get(reverse(LOGINS)))
    page = reverse("admin:tokenauth_tokenlogin_change", args=[login.pk])
    (row,) = [row for row in re.findall(r"<tr>.*?</tr>", html, re.DOTALL) if f'href="{page}"' in row]
    return row


def test_a_row_says_what_happened_and_leads_on(root: Client, token: AccessToken, alice: User) -> None:
    row = row_of(
        root,
        login(
            token=token,
            user=alice,
            hint=token.hint,
            reason="revoked",
            ip_address="2001:db8::1",
            user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            client_version="2.4.1",
            request_id="req-42",
            count=412,
        ),
    )
    for text in (
        "2030-01-15",
        "12:34:56",
        "revoked × 412",
        token.hint,
        "2.4.1",
        "req-42",
        "Mozilla/5.0 (X11",
    ):
        assert text in row
    assert '<span class="tokenauth-badge tokenauth-refused">refused</span>' in row
    assert f'<a href="{reverse(TOKEN, args=[token.pk])}">laptop</a>' in row
    assert f'<a href="?user__id__exact={alice.pk}">alice</a>' in row
    assert '<a href="?ip_address=2001%3Adb8%3A%3A1">2001:db8::1</a>' in row
    assert '<span class="tokenauth-badge tokenauth-accepted">accepted</span>' in row_of(
        root, login(success=True, reason="")
    )


def test_of_what_is_not_known_nothing_is_linked(root: Client) -> None:
    links = re.findall(r'href="([^"]*)"', row_of(root, login()))
    assert links == [reverse("admin:tokenauth_tokenlogin_change", args=[TokenLogin.objects.get().pk])]


def test_what_a_client_calls_itself_does_nothing(root: Client) -> None:
    row = row_of(root, login(user_agent="<script>alert(1)</script>", request_id='"><b>'))
    assert "<script>" not in row
    assert "&lt;script&gt;" in row
    assert "<b>" not in row


def test_the_newest_come_first(root: Client) -> None:
    now = timezone.now()
    old, new, newer = login(date=now - DAY), login(date=now), login(date=now)
    assert listed(root, LOGINS) == [newer.pk, new.pk, old.pk]


def test_each_filter(root: Client, token: AccessToken, alice: User, bob: User) -> None:
    now = timezone.now()
    rows = {
        "plain": login(ip_address="198.51.100.4"),
        "revoked": login(reason="revoked", token=token, user=alice, date=now - DAY),
        "key": login(id_type="api_key", user=bob, ip_address="2001:db8::1", date=now - 10 * DAY),
        "accepted": login(success=True, reason="", token=token, user=alice, date=now - 40 * DAY),
        "leaked": login(identifier="a" * 64, date=now - 400 * DAY),
    }
    today = {"date__gte": "2030-01-15 00:00:00+00:00", "date__lt": "2030-01-16 00:00:00+00:00"}
    week = {**today, "date__gte": "2030-01-08 00:00:00+00:00"}
    expected: list[tuple[dict[str, Any], set[str]]] = [
        ({"result": "accepted"}, {"accepted"}),
        ({"result": "refused"}, {"plain", "revoked", "key", "leaked"}),
        ({"reason__exact": "revoked"}, {"revoked"}),
        ({"id_type__exact": "api_key"}, {"key"}),
        ({"ip_address": "198.51.100.4"}, {"plain"}),
        ({"ip_address": " 198.51.100.4 "}, {"plain"}),
        ({"ip_address": "::ffff:198.51.100.4"}, {"plain"}),
        ({"ip_address": "2001:0DB8:0:0::1"}, {"key"}),
        ({"ip_address": "[2001:db8::1]"}, {"key"}),
        ({"ip_address": "198.51.100.5"}, set()),
        ({"token__id__exact": token.pk}, {"revoked", "accepted"}),
        ({"user__id__exact": bob.pk}, {"key"}),
        ({"identifier": "a" * 64}, {"leaked"}),
        (today, {"plain"}),
        (week, {"plain", "revoked"}),
        ({"result": "refused", "user__id__exact": alice.pk}, {"revoked"}),
    ]
    for filters, names in expected:
        assert set(listed(root, LOGINS, **filters)) == {rows[name].pk for name in names}, filters


def test_the_dates_that_are_offered_are_some_that_it_takes(root: Client) -> None:
    now = timezone.now()
    rows = [login(date=now - days * DAY) for days in (0, 3, 20)]
    html = text_of(root.get(reverse(LOGINS)))
    offered = {
        text: query.replace("&amp;", "&")
        for query, text in re.findall(r'<a href="(\?date__[^"]*)">([^<]*)</a>', html)
    }
    assert list(offered) == ["Today", "Past 7 days", "This month", "This year"]
    for text, count in (("Today", 1), ("Past 7 days", 2), ("This month", 2), ("This year", 2)):
        answer = root.get(reverse(LOGINS) + offered[text])
        assert [row.pk for row in answer.context["cl"].result_list] == [row.pk for row in rows[:count]], text


@pytest.mark.parametrize(
    "address", ["nonsense", "300.1.1.1", "1", "198.51.100.0/24", "<b>", "x" * 9999, "::g"]
)
def test_what_is_no_address_is_said_to_be_none(root: Client, address: str) -> None:
    login(ip_address="198.51.100.4")
    answer = root.get(reverse(LOGINS), {"ip_address": address})
    assert answer.status_code == 200
    assert answer.context["cl"].result_list == []
    assert text_of(answer).count("This is no IP address.") == 1
    (field,) = re.findall(r'<input type="text"[^>]*name="ip_address"[^>]*>', text_of(answer))
    assert 'aria-invalid="true"' in field
    assert "<b>" not in field


@pytest.mark.parametrize(
    "filters",
    [
        {"result": "x"},
        {"token__id__exact": "x"},
        {"user__id__exact": "x"},
        {"date__gte": "x"},
        {"date__x": "1"},
    ],
)
def test_a_filter_that_is_none_leads_back_to_the_list(root: Client, filters: dict[str, str]) -> None:
    answer = root.get(reverse(LOGINS), filters)
    assert (answer.status_code, answer["Location"]) == (302, f"{reverse(LOGINS)}?e=1")


def test_what_was_chosen_by_a_link_is_said(root: Client, token: AccessToken, alice: User) -> None:
    login(token=token, user=alice, identifier="a" * 64)
    for filters, text in (
        ({"token__id__exact": token.pk}, f"laptop ({token.hint})"),
        ({"user__id__exact": alice.pk}, "alice"),
        ({"identifier": "a" * 64}, "the chosen one"),
    ):
        html = text_of(root.get(reverse(LOGINS), filters)).partition('id="changelist-filter"')[2]
        chosen = html.partition('<li class="selected">')[2].partition("</li>")[0]
        assert f">{text}</a>" in chosen


def test_who_may_not_see_tokens_is_led_to_none(client: Client, token: AccessToken, alice: User) -> None:
    row = login(token=token, user=alice, hint=token.hint, reason="revoked")
    viewer = staff(client, "view_tokenlogin")
    shown = row_of(viewer, row)
    assert "laptop" in shown
    assert token.hint in shown
    assert "/accesstoken/" not in text_of(viewer.get(reverse(LOGINS)))


def test_the_page_of_a_token_shows_its_recent_attempts(
    root: Client, token: AccessToken, bob: User, frozen: time_machine.Traveller
) -> None:
    other = bob.generate_access_token("other")
    login(token=other, reason="ip_address")
    for number in range(12):
        frozen.shift(60)
        login(token=token, reason="expired", ip_address=f"192.0.2.{number}", user_agent="curl/8.5.0")
    html = text_of(root.get(reverse(TOKEN, args=[token.pk]))).partition("Recent attempts")[2]
    assert re.findall(r"192\.0\.2\.\d+", html) == [f"192.0.2.{number}" for number in range(11, 1, -1)]
    assert "curl/8.5.0" in html
    assert "ip_address" not in html
    (to_all,) = re.findall(r'href="([^"]*token__id__exact=[^"]*)"', html)
    assert len(root.get(to_all).context["cl"].result_list) == 12


def test_without_any_it_says_so_and_without_the_permission_nothing(
    root: Client, client: Client, token: AccessToken
) -> None:
    assert "The login log has none." in text_of(root.get(reverse(TOKEN, args=[token.pk])))
    login(token=token, reason="expired", ip_address="192.0.2.1")
    viewer = staff(client, "view_accesstoken")
    html = text_of(viewer.get(reverse(TOKEN, args=[token.pk])))
    assert "Recent attempts" not in html
    assert "192.0.2.1" not in html
