"""The sample project as one that has no schema."""

from testproject.settings import *  # noqa: F403
from testproject.settings import INSTALLED_APPS, REST_FRAMEWORK

INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "drf_spectacular"]
REST_FRAMEWORK = {key: value for key, value in REST_FRAMEWORK.items() if key != "DEFAULT_SCHEMA_CLASS"}
