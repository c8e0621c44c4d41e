"""System checks: what is wrong is said at start, each by a stable id of its own."""

from tokenauth.checks.installation import check_middleware, check_rest_framework
from tokenauth.checks.settings import check_deployment, check_settings
from tokenauth.checks.views import check_views

__all__ = ["check_deployment", "check_middleware", "check_rest_framework", "check_settings", "check_views"]
