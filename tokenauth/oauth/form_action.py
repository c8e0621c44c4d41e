"""Where forms may lead, by the project's Content-Security-Policy."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse

try:
    from django.views.decorators.csp import csp_override, csp_report_only_override
except ImportError:
    # Before Django 6.0.
    _POLICIES: dict[str, Any] = {}
else:
    _POLICIES = {"SECURE_CSP": csp_override, "SECURE_CSP_REPORT_ONLY": csp_report_only_override}

DIRECTIVE = "form-action"


def left_open(response: HttpResponse) -> HttpResponse:
    """``response``, a page whose form leads to another site, without what Django's policy says of forms.

    Chromium holds each redirect that follows a form against it, those of the other site as well; and no
    source names the schemes that apps on a device have of their own.
    """
    for name, override in _POLICIES.items():
        policy: dict[str, Any] = getattr(settings, name)
        if DIRECTIVE in policy:
            rest = {directive: sources for directive, sources in policy.items() if directive != DIRECTIVE}
            override(rest)(lambda request: response)(None)
    return response
