from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.admin.conftest import LOGINS, TOKENS, act, listed, revoke, staff, text_of
from tokenauth.admin import change_list
from tokenauth.models import AccessToken, TokenLogin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.test import Client

    from testproject.accounts.models import User

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def frozen(root: Client) -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as traveller:
        from testproject.accounts.models import User

        root.force_login(User.objects.get(username="root"))
        yield traveller


def row_of(client: Client, token: AccessToken) -> str:
    """What the list shows of a token, without its markup."""
    html = text_of(client.get(reverse(TOKENS)))
    (row,) = [row for row in re.findall(r"<tr>.*?</tr>", html, re.DOTALL) if token.hint in row]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", row)).strip()


def test_the_newest_come_first(root: Client, alice: User) -> None:
    tokens = [alice.generate_access_token(name) for name in ("b", "a", "c")]
    assert listed(root) == [token.pk for token in reversed(tokens)]


def test_a_row_says_what_an_operator_looks_for(
    root: Client, alice: User, frozen: time_machine.Traveller
) -> None:
    now = timezone.now()
    key = alice.generate_access_token(
        "export",
        ["read:sites", "write:sites", "read:events", "read:assets"],
        kind="api_key",
        environment="live",
        expires_at=now + 12 * DAY,
    )
    AccessToken.objects.filter(pk=key.pk).update(last_used_at=now - 3 * DAY)
    row = row_of(root, key)
    for text in ("export", "active", "expires in 1 week", "alice", "API key, live", "3 days ago"):
        assert text in row
    assert "read:sites, write:sites +2" in row
    other = alice.generate_access_token("laptop", ["read:sites"])
    row = row_of(root, other)
    for text in ("laptop", "does not expire", "personal token", "read:sites", "never"):
        assert text in row
    assert "+" not in row


@pytest.mark.parametrize("status", ["active", "expired", "unused", "revoked"])
def test_the_status_is_a_badge_with_its_name(
    root: Client, alice: User, status: str, frozen: time_machine.Traveller
) -> None:
    token, now = alice.generate_access_token("t"), timezone.now()
    columns: dict[str, dict[str, Any]] = {
        "active": {},
        "expired": {"expires_at": now},
        "unused": {"created_at": now - 400 * DAY},
        "revoked": {"revoked_at": now},
    }
    AccessToken.objects.update(**columns[status])
    badge = f'<span class="tokenauth-badge tokenauth-{status}">{status}</span>'
    assert badge in text_of(root.get(reverse(TOKENS)))
    assert badge in text_of(root.get(reverse("admin:tokenauth_accesstoken_change", args=[token.pk])))


@pytest.fixture
def one_of_each(alice: User, bob: User, frozen: time_machine.Traveller) -> dict[str, int]:
    now = timezone.now()

    def make(user: User, name: str, columns: dict[str, Any], **options: Any) -> int:
        key: int = user.generate_access_token(name, ["read:sites"], **options).pk
        AccessToken.objects.filter(pk=key).update(**columns)
        return key

    live, test = ({"kind": "api_key", "environment": environment} for environment in ("live", "test"))
    return {
        "plain": make(alice, "plain", {}),
        "expired": make(alice, "expired", {"expires_at": now}),
        "lapsed": make(alice, "lapsed", {"created_at": now - 400 * DAY}),
        "revoked": make(alice, "revoked", {"revoked_at": now}),
        "idle": make(bob, "idle", {"created_at": now - 100 * DAY}),
        "expiring": make(bob, "expiring", {"expires_at": now + 5 * DAY}, **live),
        "replaced": make(bob, "replaced", {"rotated_at": now - DAY, "last_used_at": now}, **test),
        "northwind": make(alice, "northwind", {}, organization="northwind"),
    }


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"status": "active"}, {"plain", "idle", "expiring", "replaced", "northwind"}),
        ({"status": "expired"}, {"expired"}),
        ({"status": "unused"}, {"lapsed"}),
        ({"status": "revoked"}, {"revoked"}),
        ({"attention": "unused"}, {"idle"}),
        ({"attention": "expiring"}, {"expiring"}),
        ({"attention": "replaced"}, {"replaced"}),
        ({"kind__exact": "api_key"}, {"expiring", "replaced"}),
        ({"environment__exact": "live"}, {"expiring"}),
        ({"organization": "northwind"}, {"northwind"}),
        ({"organization": " northwind "}, {"northwind"}),
        ({"organization": "north"}, set()),
        ({"status": "active", "kind__exact": "api_key", "q": "rep"}, {"replaced"}),
    ],
)
def test_each_filter(
    root: Client, one_of_each: dict[str, int], filters: dict[str, str], names: set[str]
) -> None:
    assert set(listed(root, **filters)) == {one_of_each[name] for name in names}


@pytest.mark.parametrize("filters", [{"status": "x"}, {"attention": "x"}, {"family": "x"}, {"p": "99"}])
def test_a_filter_that_is_none_is_not_left_out(
    root: Client, one_of_each: dict[str, int], filters: dict[str, str]
) -> None:
    answer = root.get(reverse(TOKENS), filters)
    if "p" not in filters:
        assert answer["Location"] == f"{reverse(TOKENS)}?e=1"
    # Nor for an action on all of them.
    data = {"action": "revoke_selected", "_selected_action": one_of_each["plain"], "select_across": "1"}
    if "p" not in filters:
        root.post(
            f"{reverse(TOKENS)}?{'&'.join('='.join(one) for one in filters.items())}",
            {
                **data,
                "post": "y",
                "shown": ",".join(map(str, AccessToken.objects.values_list("pk", flat=True))),
            },
        )
        assert AccessToken.objects.filter(revoked_at__isnull=True).count() == len(one_of_each) - 1


def test_the_form_of_a_text_filter_keeps_the_others(root: Client, one_of_each: dict[str, int]) -> None:
    html = text_of(
        root.get(reverse(TOKENS), {"status": "active", "organization": '"<b>', "q": "x", "p": "1"})
    )
    form = html.partition('class="tokenauth-text-filter"')[2].partition("</form>")[0]
    assert '<input type="hidden" name="status" value="active">' in form
    assert '<input type="hidden" name="q" value="x">' in form
    assert 'name="p"' not in form
    (field,) = re.findall(r'<input type="text"[^>]*>', form)
    assert 'id="filter-organization" name="organization" value="&quot;&lt;b&gt;"' in field
    assert 'for="filter-organization"' in form
    assert 'href="?q=x&amp;status=active"' in form


def test_what_a_link_chose_is_said_and_can_be_left(root: Client, one_of_each: dict[str, int]) -> None:
    html = text_of(root.get(reverse(TOKENS)))
    assert "By user" not in html
    bob = AccessToken.objects.get(name="idle").user
    assert f'<a href="?user__id__exact={bob.pk}">bob</a>' in html
    chosen = root.get(reverse(TOKENS), {"user__id__exact": bob.pk, "status": "active"})
    assert {row.user for row in chosen.context["cl"].result_list} == {bob}
    sidebar = text_of(chosen).partition("By user")[2].partition("</details>")[0]
    assert ">bob</a>" in sidebar
    assert 'href="?status=active"' in sidebar
    gone = text_of(root.get(reverse(TOKENS), {"user__id__exact": 0}))
    assert "the chosen one" in gone


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("plain", {"plain"}),
        ("EXPIR", {"expired", "expiring"}),
        ("bob", {"idle", "expiring", "replaced"}),
        ("bob idle", {"idle"}),
        ("nothing", set()),
        ("<b>", set()),
        ("%", set()),
        ("\u202e", set()),
    ],
)
def test_a_search_by_part_of_a_name_or_an_owner(
    root: Client, one_of_each: dict[str, int], query: str, names: set[str]
) -> None:
    assert set(listed(root, q=query)) == {one_of_each[name] for name in names}


def test_a_search_by_a_hint_or_part_of_it(root: Client, alice: User, bob: User) -> None:
    token = alice.generate_access_token("t")
    # As one that mentions it, which a hint is not looked for in.
    bob.generate_access_token(f"instead of {token.hint}")
    for query in (token.hint, f" {token.hint} ", token.hint.replace("…", "...")):
        assert listed(root, q=query) == [token.pk]
    assert token.pk in listed(root, q=token.hint[-4:])


def test_more_rows_than_are_listed_are_said_to_be_there(
    root: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_list, "MOST_ROWS", 150)
    tokens = [alice.generate_access_token(f"{number}") for number in range(150)]
    newest_first = [token.pk for token in reversed(tokens)]
    assert "There are more" not in text_of(root.get(reverse(TOKENS)))
    oldest = newest_first[-1]
    more = alice.generate_access_token("one more")
    html = text_of(root.get(reverse(TOKENS)))
    assert "There are more: the first 150 are listed." in html
    shown = listed(root, p=1) + listed(root, p=2)
    assert shown == [more.pk, *newest_first[:-1]]
    assert root.get(reverse(TOKENS), {"p": 3})["Location"].endswith("?e=1")
    # To be selected are those that are listed.
    revoke(root, more, select_across="1", shown=",".join(map(str, shown)))
    assert list(AccessToken.objects.usable()) == [tokens[0]]
    assert tokens[0].pk == oldest


def test_the_lists_cost_three_queries_and_no_more_for_more_rows(
    root: Client, alice: User, django_assert_num_queries: Callable[..., Any]
) -> None:
    def add() -> None:
        for number in range(10):
            token = alice.generate_access_token(f"{number}")
            TokenLogin.objects.create(
                id_type="access_token", token=token, user=alice, success=False, reason="expired"
            )

    for page, filters in (
        (TOKENS, {}),
        (TOKENS, {"status": "active", "attention": "", "organization": "", "q": "alice"}),
        (TOKENS, {"user__id__exact": alice.pk}),
        (LOGINS, {}),
        (LOGINS, {"result": "refused", "reason__exact": "expired"}),
        (LOGINS, {"user__id__exact": alice.pk}),
    ):
        chosen = {name: value for name, value in filters.items() if value}
        add()
        # What the admin asks once and remembers.
        root.get(reverse(page), chosen)
        counts = []
        for _ in range(2):
            add()
            with CaptureQueriesContext(connection) as captured:
                assert root.get(reverse(page), chosen).status_code == 200
            counts.append(len(captured))
            ours = [query["sql"] for query in captured.captured_queries if "tokenauth_" in query["sql"]]
            # Which rows, the rows, and of tokens which of them were used late.
            assert len(ours) == (3 if page == TOKENS else 2)
            assert not any("COUNT(" in sql or "DISTINCT" in sql for sql in ours)
        assert counts[0] == counts[1]


@pytest.mark.parametrize("permission", ["view_accesstoken", "change_accesstoken"])
def test_who_may_only_look_has_no_action(client: Client, alice: User, permission: str) -> None:
    token = alice.generate_access_token("t")
    viewer = staff(client, permission, "delete_accesstoken")
    for answer in (
        viewer.get(reverse(TOKENS)),
        viewer.get(reverse("admin:tokenauth_accesstoken_change", args=[token.pk])),
    ):
        assert answer.status_code == 200
        assert 'name="action"' not in text_of(answer)


def test_a_key_that_is_none_is_said_to_be_none(root: Client, alice: User) -> None:
    alice.generate_access_token("t")
    data = {"action": "revoke_selected", "_selected_action": ["x"], "post": "yes"}
    answer = root.post(reverse(TOKENS), data, follow=True)
    assert "This is no access token’s id." in text_of(answer)
    assert AccessToken.objects.usable().count() == 1


def test_names_are_shown_as_they_are_and_do_nothing(root: Client, alice: User) -> None:
    name = "<script>alert(1)</script> \u202egnp.exe 🔑"
    token = alice.generate_access_token(name)
    for answer in (
        root.get(reverse(TOKENS)),
        root.get(reverse("admin:tokenauth_accesstoken_change", args=[token.pk])),
        act(root, "revoke_selected", token),
    ):
        assert "<script>alert" not in text_of(answer)
        assert "&lt;script&gt;alert(1)&lt;/script&gt; \u202egnp.exe 🔑" in text_of(answer)


@pytest.mark.parametrize("page", [TOKENS, LOGINS])
def test_the_pages_have_no_script_or_style_within(root: Client, alice: User, page: str) -> None:
    token = alice.generate_access_token("t")
    TokenLogin.objects.create(id_type="access_token", token=token, success=False, reason="expired")
    html = text_of(root.get(reverse(page)))
    ours = html.partition('id="content"')[2]
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on[a-z]+=", ours)


HUGE = "9" * 30


@pytest.mark.parametrize("key", [HUGE, f"-{HUGE}", "9" * 5000, "x"])
@pytest.mark.parametrize(("page", "field"), [(TOKENS, "user"), (LOGINS, "token")])
def test_what_is_no_key_filters_nothing(root: Client, page: str, field: str, key: str) -> None:
    answer = root.get(reverse(page), {f"{field}__id__exact": key})
    assert (answer.status_code, answer["Location"]) == (302, f"{reverse(page)}?e=1")


@pytest.mark.parametrize("key", [HUGE, f"-{HUGE}", "x"])
def test_what_is_no_key_is_not_acted_on(root: Client, alice: User, key: str) -> None:
    alice.generate_access_token("t")
    data = {"action": "revoke_selected", "_selected_action": key, "post": "yes", "reason": ""}
    assert "This is no access token’s id." in text_of(root.post(reverse(TOKENS), data, follow=True))
    assert AccessToken.objects.usable().exists()
