"""What is rare in the log is found by the index of its order alone, where rows are dear to look up."""

from __future__ import annotations

import pytest
from django.db import connection
from django.utils import timezone

from tokenauth.admin.change_list import MOST_ROWS
from tokenauth.models import TokenLogin

# PostgreSQL reads the table through as quickly; which it does, it decides by what is in it.
COVERED = {"sqlite": "COVERING INDEX tokenauth_login_date", "mysql": "Using index"}

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        connection.vendor not in COVERED, reason=f"the plans of SQLite and MySQL, not of {connection.vendor}"
    ),
]


@pytest.mark.parametrize("filters", [{"reason": "ambiguous"}, {"success": True}, {"id_type": "jwt"}])
def test_the_rows_themselves_are_not_read(filters: dict[str, object]) -> None:
    TokenLogin.objects.bulk_create(
        TokenLogin(id_type="access_token", success=False, reason="unknown", date=timezone.now())
        for _ in range(500)
    )
    rows = TokenLogin.objects.filter(**filters).order_by("-date", "-pk").values_list("pk")[: MOST_ROWS + 1]
    plan = rows.explain()
    assert COVERED[connection.vendor] in plan
    assert "filesort" not in plan
    assert "TEMP B-TREE" not in plan
