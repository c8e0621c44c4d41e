"""The sample project, with every request in a transaction."""

from testproject import settings as sample
from testproject.settings import *  # noqa: F403
from tests.projects.databases import database

ROOT_URLCONF = "tests.projects.atomic_requests.urls"
DATABASES = {"default": {**database("atomic_requests"), "ATOMIC_REQUESTS": True}}
TOKENAUTH = {**sample.TOKENAUTH, "RECORD_LOGIN_ATTEMPTS": "all"}
