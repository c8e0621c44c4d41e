"""A database that is written to, and a replica of it that is read from and takes no write."""

from tests.projects.base import *  # noqa: F403
from tests.projects.databases import database

AUTH_USER_MODEL = "auth.User"

_READ_ONLY = {
    "django.db.backends.sqlite3": {"init_command": "PRAGMA query_only = ON"},
    "django.db.backends.postgresql": {"options": "-c default_transaction_read_only=on"},
    "django.db.backends.mysql": {"init_command": "SET SESSION TRANSACTION READ ONLY"},
}
_default = database("replica")
DATABASES = {
    "default": _default,
    "replica": {**_default, "OPTIONS": _READ_ONLY[_default["ENGINE"]], "TEST": {"MIRROR": "default"}},
}
DATABASE_ROUTERS = ["tests.projects.replica.router.ReadFromReplica"]
