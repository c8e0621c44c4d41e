from typing import Any

# Users and tokens, and what has foreign keys to them.
APART = {
    *("accounts", "tokenauth", "auth", "contenttypes", "admin"),
    *("oauth2_provider", "tokenauth_oauth", "tokenauth_devices"),
}


class AccountsApart:
    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "accounts" if model._meta.app_label in APART else "default"

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == ("accounts" if app_label in APART else "default")
