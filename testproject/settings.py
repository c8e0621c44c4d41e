"""The sample project: an inventory service guarded by scopes."""

import os
from pathlib import Path

import dj_database_url
import django

from tokenauth.oauth.provider_settings import OAUTH2_PROVIDER as OAUTH2_PROVIDER

BASE_DIR = Path(__file__).resolve().parent.parent

# A sample: it serves the machine it runs on, and nobody else.
SECRET_KEY = os.environ.get("SECRET_KEY", "django-insecure-of-the-sample-project-alone")
DEBUG = os.environ.get("DEBUG", "1") == "1"
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "oauth2_provider",
    "tokenauth",
    "tokenauth.oauth",
    "tokenauth.devices",
    "testproject.accounts",
    "testproject.inventory",
    "testproject.demo",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tokenauth.middleware.AccessTokenMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "testproject.urls"
WSGI_APPLICATION = "testproject.wsgi.application"
ASGI_APPLICATION = "testproject.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # The login, and a button to sign out on the token pages.
        "DIRS": [BASE_DIR / "testproject" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": dj_database_url.parse(os.environ.get("DATABASE_URL") or f"sqlite:///{BASE_DIR / 'db.sqlite3'}")
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Requests write side by side: a writer waits for its turn instead of failing in the middle.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    # Tests use a file as well: a database in memory has no connections that could stay open.
    DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / "db.sqlite3.test"}

AUTH_USER_MODEL = "accounts.User"
# Where Django has it anyway; said for whoever copies this.
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/tokens/"
LOGOUT_REDIRECT_URL = LOGIN_URL
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]

# Mail is shown on the terminal.
_MAIL = "django.core.mail.backends.console.EmailBackend"
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": _MAIL}}
else:
    EMAIL_BACKEND = _MAIL

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tokenauth.authentication.AccessTokenAuthentication",
        "tokenauth.authentication.APIKeyAuthentication",
        "tokenauth.oauth.authentication.JWTAuthentication",
        "tokenauth.devices.authentication.DeviceTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["tokenauth.permissions.HasScopes"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "tokenauth.rest.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "tokenauth.exception_handler.exception_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Inventory service",
    "VERSION": "1.0.0",
    # The first in which an operation says what it requires of a bearer token.
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    # Assets have a kind of their own.
    "ENUM_NAME_OVERRIDES": {"TokenKind": "tokenauth.core.credential.Kind"},
}

TOKENAUTH = {
    "SCOPES": {
        "read:sites": "Read site information",
        "write:sites": "Create and modify sites",
        "read:assets": "Read asset information",
        "write:assets": "Create and modify assets",
        "read:schedules": "Read schedule information",
        "write:schedules": "Create and modify schedules",
        "read:sessions": "Read session information",
        "read:events": "Read event data",
        "admin": {"description": "Full administrative access", "implies": ["*"]},
    },
    "USER_ORGANIZATIONS": "testproject.accounts.organizations.organizations_of",
    # To show everything: a project of your own leaves both out.
    "OAUTH_PASSWORD_GRANT": True,
    "OAUTH_PKCE_REQUIRED": False,
}
