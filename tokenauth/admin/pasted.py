"""Whole tokens that somebody pastes: found by a form of their own, and refused in an address."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from tokenauth.admin.links import login_log_url
from tokenauth.core import credential, digests, lookup
from tokenauth.core.attempts import identifier_of
from tokenauth.exceptions import CredentialError

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.http import HttpRequest


class FindForm(forms.Form):
    """Asks for a whole token. It is never shown with what was typed into it."""

    token = forms.CharField(
        label=_("The whole token or key"),
        help_text=_("It is sent apart from the address, and neither kept nor shown."),
        widget=forms.TextInput(
            # As a password, it might be kept by the browser.
            attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false", "size": 44}
        ),
    )


@sensitive_variables()
def find(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponseRedirect:
    """Lead to the token whose text was posted, by the digest under which it is stored."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    site = model_admin.admin_site
    url = reverse("admin:tokenauth_accesstoken_changelist", current_app=site.name)
    text = credential.unwrapped(request.POST.get("token", ""))
    if not text:
        # Come to by its address, as after signing in again, there is nothing to find either.
        message = gettext("Open “Find a pasted token”, and paste the whole token there.")
        model_admin.message_user(request, message, messages.WARNING)
        return HttpResponseRedirect(url)
    level = messages.WARNING
    try:
        candidates = digests.candidates(credential.parse(text).text)
    except CredentialError:
        message = gettext(
            "This is no whole token: it was mistyped, or cut off when it was copied. None was searched for."
        )
    else:
        token = lookup.find(candidates)
        url += "?" + urlencode({"q": candidates[0] if token is None else token.secret})
        if token is None:
            message = gettext("No token has this text: it is of another deployment, or was pruned.")
        else:
            level, message = messages.SUCCESS, gettext("This is the token with the text that you pasted.")
    if log_url := login_log_url(request, site, identifier=identifier_of(text)):
        link = gettext("See the refused attempts with this text")
        message = format_html('{} <a href="{}">{}</a>', message, log_url, link)
    model_admin.message_user(request, message, level)
    return HttpResponseRedirect(url)


def refuse_in_address(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponseRedirect | None:
    """Lead to the list without what is no search: a whole token, and what no database takes."""
    query = request.GET.copy()
    texts = {name: [name, *values] for name, values in query.lists()}
    tokens = {name for name in texts if any(map(credential.resembles, texts[name]))}
    unfit = {name for name in texts if any("\0" in text for text in texts[name])}
    if tokens:
        message = gettext(
            "This looks like a whole token, and was not searched for: what is in an address stays in "
            "histories and logs. Use “Find a pasted token” in the list of access tokens; and if the token "
            "still works, rotate or revoke it."
        )
        model_admin.message_user(request, message, messages.ERROR)
    elif unfit:
        message = gettext("Null characters cannot be searched for.")
        model_admin.message_user(request, message, messages.ERROR)
    else:
        return None
    for name in tokens | unfit:
        del query[name]
    return HttpResponseRedirect(f"{request.path}?{query.urlencode()}" if query else request.path)
