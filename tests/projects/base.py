"""What the projects share: the sample project's settings, without its own apps and users."""

from testproject import settings as sample
from testproject.settings import *  # noqa: F403

# Of the package, what every project has.
_OAUTH = ("oauth2_provider", "tokenauth.oauth")
INSTALLED_APPS = [app for app in sample.INSTALLED_APPS if not app.startswith(("testproject.", *_OAUTH))]
REST_FRAMEWORK = {
    **sample.REST_FRAMEWORK,
    "DEFAULT_AUTHENTICATION_CLASSES": [
        name
        for name in sample.REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"]
        if not name.startswith(_OAUTH)  # type: ignore[attr-defined]
    ],
}
ROOT_URLCONF = "tests.projects.urls"
TOKENAUTH = {"SCOPES": sample.TOKENAUTH["SCOPES"]}
