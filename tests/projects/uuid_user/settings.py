"""Users who have a UUID for a key, sign in by e-mail, and are no ``AbstractUser``."""

from tests.projects import base
from tests.projects.base import *  # noqa: F403
from tests.projects.databases import database

INSTALLED_APPS = [*base.INSTALLED_APPS, "tests.projects.uuid_user"]
AUTH_USER_MODEL = "uuid_user.User"
DATABASES = {"default": database("uuid_user")}
