"""What is installed on devices: applications, their versions, and what an SDK is configured with."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from tokenauth.core.token_arguments import Arguments, valid_name
from tokenauth.devices.exceptions import DeviceError
from tokenauth.devices.models import ApplicationVersion, DeviceApplication
from tokenauth.devices.protocol import elliptic_curve
from tokenauth.devices.protocol.octets import KEY_LENGTH, decoded, encoded
from tokenauth.devices.protocol.sdk_configuration import SdkConfiguration
from tokenauth.exceptions import DeviceReason

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

# Of the column.
_VERSION_LENGTH = 64
# How many applications an error names.
NAMED = 20


def create_application(name: str) -> DeviceApplication:
    """A new application, with a new master key. It has no version yet, with which alone it is of use.

    :raises ValidationError: the name is no valid one.
    """
    arguments = Arguments()
    application = DeviceApplication(name=arguments.take("name", valid_name, name))
    arguments.raise_errors()
    give_master_key(application)
    application.save(force_insert=True)
    return application


def create_version(application: DeviceApplication, name: str) -> ApplicationVersion:
    """A new version of ``application``, with a key and a secret of its own.

    :raises ValidationError: the name is no valid one, or that of another version of ``application``.
    """
    arguments = Arguments()
    version = ApplicationVersion(
        application=application, name=arguments.take("version", _valid_version, name)
    )
    arguments.raise_errors()
    give_secret(version)
    try:
        version.validate_constraints()
    except ValidationError as error:
        raise ValidationError({"version": error.messages}) from error
    version.save(force_insert=True)
    return version


@sensitive_variables("private")
def give_master_key(application: DeviceApplication) -> None:
    """Give ``application``, which is not saved by it, a new master key."""
    private = elliptic_curve.new_private_key()
    application.master_private_key = elliptic_curve.private_octets(private)
    application.master_public_key = public_text(private)


def give_secret(version: ApplicationVersion) -> None:
    """Give ``version``, which is not saved by it, a new key and secret."""
    version.key = encoded(secrets.token_bytes(KEY_LENGTH))
    version.secret = secrets.token_bytes(KEY_LENGTH)


def public_text(private: elliptic_curve.PrivateKey) -> str:
    """The public half of a key as it is stored: a compressed point in Base64."""
    return encoded(elliptic_curve.public_octets(private.public_key(), compressed=True))


def application_with(identifier: UUID | str) -> DeviceApplication:
    """The application of this id, or of this name where no other has it.

    :raises ValidationError: there is none, or more than one.
    """
    for lookup in ("pk", "name"):
        try:
            rows = DeviceApplication.objects.filter(**{lookup: identifier}).order_by("created_at")
            found = list(rows[:NAMED])
        except ValidationError:
            # A name is no UUID.
            continue
        if len(found) > 1:
            text = _("More than one application has this name; give its id, of these: %(ids)s.")
            raise ValidationError({"application": text % {"ids": "; ".join(map(identified, found))}})
        if found:
            return found[0]
    known = ", ".join(map(label, labelled()[:NAMED]))
    raise ValidationError(
        {"application": _("There is no such application. There are: %(names)s.") % {"names": known or "-"}}
    )


def labelled() -> QuerySet[Any]:
    """All applications, each of which :func:`label` can tell from every other."""
    namesakes = DeviceApplication.objects.filter(name=OuterRef("name")).exclude(pk=OuterRef("pk"))
    rows = DeviceApplication.objects.annotate(has_namesake=Exists(namesakes))
    return rows.order_by("name", "created_at")


def label(application: Any) -> str:
    """What an application of :func:`labelled` is called among them: its name, and what else it takes."""
    if not application.has_namesake:
        return str(application.name)
    return f"{application.name} ({identified(application)})"


def identified(application: DeviceApplication) -> str:
    """What tells it from others of its name: its id, and when it was made."""
    made = application.created_at
    # Without USE_TZ it has no zone.
    local = timezone.localtime(made) if timezone.is_aware(made) else made
    values = {"id": application.pk, "time": date_format(local, "DATETIME_FORMAT")}
    return _("%(id)s, created %(time)s") % values


def namesakes_of(application: DeviceApplication) -> QuerySet[DeviceApplication]:
    """The other applications of its name, of which there may be any number."""
    return DeviceApplication.objects.filter(name=application.name).exclude(pk=application.pk)


def version_of(key: str) -> ApplicationVersion:
    """The version, with its application, whose key is ``key``.

    :raises DeviceError: there is none, or it is not supported any more.
    """
    row = ApplicationVersion.objects.select_related("application").filter(key=key).first()
    # A database may not tell upper from lower case.
    if row is None or row.key != key or not row.is_supported:
        raise DeviceError(DeviceReason.VERSION)
    return row


@sensitive_variables()
def sdk_configuration(version: ApplicationVersion) -> str:
    """The text that an SDK is configured with: key, secret and the server's public key.

    Every installation has it, so that it proves nothing; but without it nobody can try.

    :raises ImproperlyConfigured: the secret cannot be read (see :mod:`tokenauth.devices.encryption`).
    """
    point = decoded(version.application.master_public_key, "the master public key")
    return SdkConfiguration(version.key, encoded(version.secret), elliptic_curve.public_key(point)).render()


def _valid_version(name: object) -> str:
    text = valid_name(name)
    if len(text) > _VERSION_LENGTH:
        raise ValidationError(
            _("The name of a version has at most %(count)d characters.") % {"count": _VERSION_LENGTH}
        )
    return text
