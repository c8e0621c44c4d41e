from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenauth.core import scopes

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("name", ["posts.manage", "read:sites", "*", "!", "~", "[", "]", "#x"])
def test_well_formed(name: str) -> None:
    assert scopes.is_well_formed(name)


@pytest.mark.parametrize("name", ["", " ", "read sites", 'a"b', "a\\b", "é", "a\n", "a\0", None, 1, ["a"]])
def test_not_well_formed(name: object) -> None:
    assert not scopes.is_well_formed(name)


def test_scopes_are_exact_and_case_sensitive() -> None:
    assert scopes.grants(["read:sites"], "read:sites")
    assert not scopes.grants(["read:sites"], "Read:sites")
    assert not scopes.grants(["read:sites"], "read:site")
    assert not scopes.grants(["read:*"], "read:sites")
    assert not scopes.grants(["read"], "read:sites")


def test_a_scope_grants_what_it_implies_through_others_too(tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(
        SCOPES={
            "write": {"description": "Write", "implies": ["read"]},
            "read": {"description": "Read", "implies": ["list"]},
            "list": "List",
        }
    )
    assert scopes.grants(["write"], "list")
    assert not scopes.grants(["list"], "read")
    assert not scopes.grants(["read"], "write")


def test_scopes_that_imply_each_other_end(tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(
        SCOPES={
            "a": {"description": "A", "implies": ["b"]},
            "b": {"description": "B", "implies": ["a"]},
        }
    )
    assert scopes.grants(["a"], "b")
    assert not scopes.grants(["a"], "c")


def test_what_is_implied_changes_what_tokens_may_do_at_once(tokenauth_settings: Callable[..., None]) -> None:
    assert scopes.grants(["admin"], "read:sites")
    tokenauth_settings(SCOPES={"admin": "No more than its name", "read:sites": "Read"})
    assert not scopes.grants(["admin"], "read:sites")


@pytest.mark.parametrize("held", [["*"], ["admin"], ["tokens:*"]])
def test_managing_tokens_must_be_held_literally(held: list[str]) -> None:
    assert not scopes.grants(held, "tokens:manage")
    assert scopes.grants([*held, "tokens:manage"], "tokens:manage")


def test_managing_tokens_cannot_be_implied(tokenauth_settings: Callable[..., None]) -> None:
    tokenauth_settings(SCOPES={"root": {"description": "Root", "implies": ["tokens:manage"]}})
    assert not scopes.grants(["root"], "tokens:manage")


@pytest.mark.parametrize("held", [None, "", "*", "read:sites", 1, {"read:sites": True}, [None], [["*"]]])
def test_what_is_no_list_of_scopes_grants_nothing(held: object) -> None:
    assert not scopes.grants(held, "read:sites")


@given(st.lists(st.sampled_from(["read:sites", "write:sites", "read:events"])))
def test_without_wildcards_only_what_is_held_is_granted(held: list[str]) -> None:
    granted = {name for name in ("read:sites", "write:sites", "read:events") if scopes.grants(held, name)}
    assert granted == set(held)


def test_registered_are_those_of_the_settings_the_wildcard_and_managing_tokens() -> None:
    assert scopes.is_registered("read:sites")
    assert scopes.is_registered("*")
    assert scopes.is_registered("tokens:manage")
    assert not scopes.is_registered("read:nothing")
    assert list(scopes.registry())[-1] == "tokens:manage"


def test_without_a_registry_every_well_formed_scope_may_be_given(
    tokenauth_settings: Callable[..., None],
) -> None:
    tokenauth_settings(SCOPES={})
    assert scopes.is_registered("whatever")
    assert not scopes.is_registered("what ever")


def test_scopes_are_shown_under_what_they_are_about(
    tokenauth_settings: Callable[..., None],
) -> None:
    names = ["read:sites", "admin", "posts.manage", "posts.read", "write:sites", "sites:export", ":", "a/b"]
    tokenauth_settings(SCOPES=dict.fromkeys(names, "Described"))
    grouped = [(subject, [scope.name for scope in group]) for subject, group in scopes.grouped()]
    assert grouped == [
        ("sites", ["read:sites", "write:sites", "sites:export"]),
        ("posts", ["posts.manage", "posts.read"]),
        ("a", ["a/b"]),
        ("tokens", ["tokens:manage"]),
        ("", ["admin", ":"]),
    ]
