"""How the tokens are found that end with what a user let an application do."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection

from tokenauth.oauth import authorizations


@pytest.mark.skipif(
    connection.vendor != "sqlite", reason="of SQLite, whose plans do not depend on what is in a table"
)
@pytest.mark.django_db
def test_no_more_rows_are_read_than_a_user_has() -> None:
    plan = authorizations.refresh_tokens_of({uuid4(): 1, uuid4(): 2}).explain()
    assert "SEARCH oauth2_provider_refreshtoken" in plan
    assert "(user_id=?)" in plan
