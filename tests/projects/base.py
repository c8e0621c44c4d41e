"""What the projects share: the sample project's settings, without its own apps and users."""

from testproject import settings as sample
from testproject.settings import *  # noqa: F403

INSTALLED_APPS = [app for app in sample.INSTALLED_APPS if not app.startswith("testproject.")]
ROOT_URLCONF = "tests.projects.urls"
TOKENAUTH = {"SCOPES": sample.TOKENAUTH["SCOPES"]}
