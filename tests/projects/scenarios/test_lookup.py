"""The lookup, which is compiled once, finds what the ORM finds, whatever the models and the databases are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connections, router
from django.utils import timezone

from tests.projects.scenarios import on_its_databases
from tokenauth.core import compiled_lookup, lookup
from tokenauth.models import AccessToken

pytestmark = on_its_databases


@pytest.fixture
def full(alice: Any) -> AccessToken:
    """A token of which each column has a value."""
    now = timezone.now()
    first = AccessToken.objects.generate(
        alice,
        "Nightly export",
        ["read:sites", "read:events"],
        kind="api_key",
        environment="live",
        allowed_networks=["192.0.2.0/24", "2001:db8::/32"],
        expires_at=now + timedelta(days=30),
        created_by=alice,
    )
    token = first.rotate()
    AccessToken.objects.filter(pk=token.pk).update(
        last_used_at=now, last_used_ip="192.0.2.7", expiry_notice=7
    )
    token.revoke("no longer needed", by=alice)
    get_user_model()._base_manager.filter(pk=alice.pk).update(last_login=now)
    return token


def columns_of(instance: Any) -> dict[str, tuple[type, Any]]:
    values = {field.attname: getattr(instance, field.attname) for field in instance._meta.concrete_fields}
    return {name: (type(value), value) for name, value in values.items()}


def test_it_is_compiled_and_equal(alice: Any, full: AccessToken) -> None:
    plain = AccessToken.objects.generate(alice, "Plain", [])
    for token in (full, plain):
        by_orm = compiled_lookup.rows([token.secret]).get()
        for digests in ([token.secret], [token.secret, "0" * 64]):
            found = lookup.find(digests)
            assert found is not None
            assert columns_of(found) == columns_of(by_orm)
            assert columns_of(found.user) == columns_of(by_orm.user)
            for instance, other in ((found, by_orm), (found.user, by_orm.user)):
                assert type(instance) is type(other)
                assert not instance.get_deferred_fields()
                assert not instance._state.adding
                assert instance._state.db == other._state.db
            assert set(found._state.fields_cache) == set(by_orm._state.fields_cache)
    compiled = compiled_lookup.of(connections[router.db_for_read(AccessToken)], 1)
    assert compiled is not None


def test_what_is_found_can_be_changed(alice: Any) -> None:
    token = AccessToken.objects.generate(alice, "t", [])
    found = lookup.find([token.secret])
    assert found is not None
    found.name = "changed"
    found.save()
    found.user.is_staff = True
    found.user.save()
    assert AccessToken.objects.using(router.db_for_write(AccessToken)).get(pk=token.pk).name == "changed"
