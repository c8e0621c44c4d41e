"""The sample project, with users and their tokens in a database of their own."""

from testproject import settings as sample
from testproject.settings import *  # noqa: F403
from tests.projects.databases import database

INSTALLED_APPS = [app for app in sample.INSTALLED_APPS if app != "testproject.demo"]
ROOT_URLCONF = "tests.projects.accounts_database.urls"
DATABASES = {
    "default": database("accounts_database_default"),
    "accounts": database("accounts_database_accounts"),
}
DATABASE_ROUTERS = ["tests.projects.accounts_database.router.AccountsApart"]
