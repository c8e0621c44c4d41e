"""Plain Django: neither REST framework nor the admin, and the first cannot even be imported."""

import sys

from testproject import settings as sample
from tests.projects.databases import database

# As where it is not installed: importing it raises.
sys.modules["rest_framework"] = None  # type: ignore[assignment]

SECRET_KEY = "django-insecure-of-these-tests-alone"
ALLOWED_HOSTS = ["localhost"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "tokenauth",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tokenauth.middleware.AccessTokenMiddleware",
]
# The least that the token page needs: no context processor, no messages, no app of static files.
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
STATIC_URL = "static/"
ROOT_URLCONF = "tests.projects.without_rest_framework.urls"
DATABASES = {"default": database("without_rest_framework")}
# Django 6.1 wants it said, and those before do not look.
MAILERS = {"default": {}}
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TOKENAUTH = {"SCOPES": sample.TOKENAUTH["SCOPES"]}
