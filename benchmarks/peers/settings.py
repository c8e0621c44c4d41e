"""A project that has every peer installed; ``SCHEME`` says which of them this process is to measure."""

import os
from datetime import timedelta

import dj_database_url

SCHEME = os.environ.get("SCHEME", "")

SECRET_KEY = "of-a-benchmark-alone-which-serves-nobody"  # noqa: S105
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
USE_TZ = True
ROOT_URLCONF = "benchmarks.peers.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "rest_framework.authtoken",
    "knox",
    "rest_framework_api_key",
    "rest_framework_simplejwt",
    "rest_framework_simplejwt.token_blacklist",
    "oauth2_provider",
    "tokenauth",
]
# It is needed by this app, and by none of the others.
MIDDLEWARE = ["tokenauth.middleware.AccessTokenMiddleware"] if SCHEME.startswith("tokenauth") else []

DATABASES = {"default": dj_database_url.parse(os.environ.get("DATABASE_URL", "sqlite://"), conn_max_age=None)}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 120,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    **(
        {"EXCEPTION_HANDLER": "tokenauth.exception_handler.exception_handler"}
        if SCHEME.startswith("tokenauth")
        else {}
    ),
}
# Its default, to which one setting is added where that is measured.
TOKENAUTH = {"LOOKUP_CACHE_SECONDS": 60} if SCHEME == "tokenauth-cached" else {}

# Its default is five minutes, and the benchmark takes longer.
SIMPLE_JWT = {"ACCESS_TOKEN_LIFETIME": timedelta(days=1)}
