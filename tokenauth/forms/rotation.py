"""What is asked before a token is rotated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.debug import sensitive_variables

from tokenauth.conf import LONGEST_OVERLAP, conf
from tokenauth.core import durations
from tokenauth.core.token_arguments import valid_overlap
from tokenauth.exceptions import RotationConflict
from tokenauth.forms.reauthentication import ReauthenticationForm

if TYPE_CHECKING:
    from datetime import timedelta

    from django.http import HttpRequest

    from tokenauth.models import AccessToken


class RotationForm(ReauthenticationForm):
    """Rotates ``token`` as ``request.user``, who may: the caller has asked :mod:`tokenauth.core.authority`.

    :meth:`rotate` after ``is_valid()``.
    """

    overlap = forms.CharField(label=gettext_lazy("Overlap"), max_length=20)

    def __init__(self, request: HttpRequest, token: AccessToken, data: Any = None) -> None:
        super().__init__(request, data, initial={"overlap": durations.spelled(conf.ROTATION_OVERLAP)})
        self.token = token
        # Why the core refused to rotate it, for a door that answers that by a page of its own.
        self.conflict: RotationConflict | None = None
        self.fields["overlap"].help_text = gettext(
            "How long the old one works on beside the new one: 30m, 12h or 7d, for example, and "
            "%(longest)s at most. 0 ends it at once."
        ) % {"longest": durations.spelled(LONGEST_OVERLAP)}
        # Above the password, which the form has from its base.
        self.order_fields(["overlap"])

    def clean_overlap(self) -> timedelta:
        return valid_overlap(durations.parse_overlap(self.cleaned_data["overlap"]))

    @sensitive_variables("successor")
    def rotate(self, owner: Any = None) -> AccessToken | None:
        """The successor; None where the core refuses, and the form says why."""
        try:
            return self.token.rotate(self.cleaned_data["overlap"], owner=owner, by=self.request.user)
        except RotationConflict as conflict:
            self.conflict = conflict
            self.add_error(None, str(conflict))
        except ValidationError as error:
            self.refuse(error)
        return None
