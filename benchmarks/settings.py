"""The sample project as it is deployed: without debugging, and with connections that stay open."""

from testproject.settings import *  # noqa: F403
from testproject.settings import DATABASES, TOKENAUTH

DEBUG = False
DATABASES["default"]["CONN_MAX_AGE"] = None
TOKENAUTH["DEVICE_TOKEN_SCOPES"] = {"possession_knowledge": ["read:sites"]}
