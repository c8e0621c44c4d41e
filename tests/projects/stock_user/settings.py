"""Django's own users, without the mixin."""

from tests.projects.base import *  # noqa: F403
from tests.projects.databases import database

AUTH_USER_MODEL = "auth.User"
DATABASES = {"default": database("stock_user")}
