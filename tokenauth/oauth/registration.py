"""An application, its policy and its secret, in one go; judged by the forms that the admin shows."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.views.decorators.debug import sensitive_variables

from tokenauth.oauth import client_secrets
from tokenauth.oauth.forms import ApplicationForm, PolicyForm, wrong_with_grants


@sensitive_variables("secret")
def register(application: dict[str, Any], policy: dict[str, Any]) -> tuple[Any, str]:
    """A new application, of the fields of both forms, and its secret; that of a public one is "".

    :raises ValidationError: by the field.
    """
    who, what = ApplicationForm(application), PolicyForm(policy)
    errors = {**who.errors.as_data(), **what.errors.as_data()}
    grants = what.cleaned_data.get("grants", [])
    if not errors and (wrong := list(wrong_with_grants(who.instance, grants))):
        errors = {"grants": [ValidationError(message) for message in wrong]}
    if errors:
        raise ValidationError(errors)
    registered = who.save(commit=False)
    with transaction.atomic(using=router.db_for_write(type(registered))):
        secret = client_secrets.give(registered)
        registered.save()
        what.instance.application = registered
        what.save()
    return registered, secret
