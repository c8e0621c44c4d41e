"""What every page asks of a request, and says of its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    View = Callable[..., HttpResponse]


def page(*methods: str) -> Callable[[View], View]:
    """A view for people signed in by session; ``methods`` beside HEAD, which goes with GET.

    Whoever presents a credential is not signed in here, whatever their session says: the middleware sees to
    that. CSRF, framing and caching are refused here, and not left to the project's middleware.
    """

    def decorate(view: View) -> View:
        guarded = login_required(view)
        guarded = xframe_options_deny(csrf_protect(guarded))
        guarded = require_http_methods([*methods, "HEAD"])(guarded)
        return never_cache(sensitive_post_parameters("password")(guarded))

    return decorate
