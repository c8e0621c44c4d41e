"""Mail to the owners of tokens: what it is made of, and whether it went out."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template import TemplateDoesNotExist
from django.template.backends.django import DjangoTemplates
from django.template.loader import get_template
from django.utils import timezone, translation

import tokenauth

_PARTS = ("subject", "body")


class MailError(Exception):
    """A mail could not be handed over; the cause says why."""


def address_of(user: Any) -> str:
    """The mail address of ``user``; "" where there is none."""
    return getattr(user, user.get_email_field_name(), "") or ""


def send(template: str, user: Any, context: Mapping[str, Any]) -> None:
    """Mail ``user`` what ``tokenauth/mail/<template>_subject.txt`` and ``_body.txt`` make of ``context``.

    :raises MailError: the mail server, or whatever takes mail in its place, has failed.
    """
    # Language and time zone of whoever is being served are not the owner's.
    with translation.override(settings.LANGUAGE_CODE), timezone.override(None):
        subject, body = (_rendered(f"{template}_{part}", {**context, "user": user}) for part in _PARTS)
    message = EmailMessage(
        # On one line, whatever a template breaks it into: a header has no more.
        subject=" ".join(subject.split()),
        body=f"{body.strip()}\n",
        to=[address_of(user)],
        # RFC 3834: nobody's absence is to be answered with.
        headers={"Auto-Submitted": "auto-generated"},
    )
    try:
        message.send()
    # SMTP raises OSErrors; but a project's backend may hand mail to any service, each with exceptions of its
    # own. There is nothing else in here that could fail: the text is made above, where its errors are seen.
    except Exception as error:
        raise MailError(f"{type(error).__name__}: {error}") from error


def _rendered(name: str, context: Mapping[str, Any]) -> str:
    path = f"tokenauth/mail/{name}.txt"
    try:
        template = get_template(path)
    except TemplateDoesNotExist:
        # An API need not have TEMPLATES, nor such as look into apps.
        template = _own_templates().get_template(path)
    return str(template.render(dict(context)))


@cache
def _own_templates() -> DjangoTemplates:
    directory = Path(tokenauth.__file__).parent / "templates"
    return DjangoTemplates({"NAME": "tokenauth", "DIRS": [directory], "APP_DIRS": False, "OPTIONS": {}})
