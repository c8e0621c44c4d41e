"""Applications and their versions, and how a version is found."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.formats import date_format

from tokenauth.devices import applications
from tokenauth.devices.exceptions import DeviceError
from tokenauth.devices.models import ApplicationVersion, DeviceApplication
from tokenauth.devices.protocol import elliptic_curve
from tokenauth.devices.protocol.octets import encoded
from tokenauth.devices.protocol.sdk_configuration import SdkConfiguration
from tokenauth.exceptions import DeviceReason

pytestmark = pytest.mark.django_db


@pytest.fixture
def version() -> ApplicationVersion:
    return applications.create_version(applications.create_application("Field app"), "1.0")


def test_an_application_has_a_master_key_whose_halves_belong_together() -> None:
    application = DeviceApplication.objects.get(pk=applications.create_application("Field app").pk)
    private = elliptic_curve.private_key(application.master_private_key)
    assert applications.public_text(private) == application.master_public_key


def test_no_two_have_the_same_keys() -> None:
    first, second = (applications.create_application("Field app") for _ in range(2))
    assert first.master_public_key != second.master_public_key
    versions = [applications.create_version(first, name) for name in ("1.0", "1.1")]
    assert len({version.key for version in versions}) == len({version.secret for version in versions}) == 2


def test_no_two_versions_of_an_application_have_one_name(version: ApplicationVersion) -> None:
    with pytest.raises(ValidationError) as caught:
        applications.create_version(version.application, " 1.0 ")
    assert set(caught.value.message_dict) == {"version"}
    assert ApplicationVersion.objects.get() == version
    other = applications.create_application("Field app")
    assert applications.create_version(other, "1.0").name == "1.0"


@pytest.mark.parametrize("name", ["", " ", "n" * 256, "a\0b", 7])
def test_a_name_is_a_text(name: object) -> None:
    with pytest.raises(ValidationError) as caught:
        applications.create_application(name)  # type: ignore[arg-type]
    assert set(caught.value.message_dict) == {"name"}
    assert not DeviceApplication.objects.exists()


@pytest.mark.parametrize(("length", "is_accepted"), [(64, True), (65, False)])
def test_the_name_of_a_version_fits_its_column(length: int, is_accepted: bool) -> None:
    application = applications.create_application("Field app")
    if is_accepted:
        assert applications.create_version(application, "1" * length).name == "1" * length
        return
    with pytest.raises(ValidationError) as caught:
        applications.create_version(application, "1" * length)
    assert set(caught.value.message_dict) == {"version"}


def test_a_version_is_found_by_its_key(version: ApplicationVersion, django_assert_num_queries) -> None:
    with django_assert_num_queries(1):
        found = applications.version_of(version.key)
        assert (found, found.application.name) == (version, "Field app")


def test_a_key_is_the_same_in_every_letter(version: ApplicationVersion) -> None:
    ApplicationVersion.objects.update(key="AbCdEfGhIjKlMnOpQrStUg==")
    assert applications.version_of("AbCdEfGhIjKlMnOpQrStUg==") == version
    for key in ("abcdefghijklmnopqrstug==", "AbCdEfGhIjKlMnOpQrStUg== ", "AbCdEfGhIjKlMnOpQrStUQ==", ""):
        with pytest.raises(DeviceError) as caught:
            applications.version_of(key)
        assert caught.value.reason is DeviceReason.VERSION


def test_a_version_that_is_not_supported_is_none(version: ApplicationVersion) -> None:
    ApplicationVersion.objects.update(is_supported=False)
    with pytest.raises(DeviceError):
        applications.version_of(version.key)
    ApplicationVersion.objects.update(is_supported=True)
    assert applications.version_of(version.key) == version


def test_an_sdk_is_configured_with_one_text(version: ApplicationVersion) -> None:
    read = SdkConfiguration.parse(applications.sdk_configuration(version))
    assert (read.application_key, read.application_secret) == (version.key, encoded(version.secret))
    octets = elliptic_curve.public_octets(read.master_public_key, compressed=True)
    assert base64.b64encode(octets).decode() == version.application.master_public_key
    assert encoded(version.secret) not in repr(read)


def test_an_application_is_named_by_its_id_or_its_name() -> None:
    application = applications.create_application("Field app")
    assert applications.application_with("Field app") == application
    assert applications.application_with(str(application.pk)) == application
    with pytest.raises(ValidationError, match="Field app"):
        applications.application_with("Another")
    applications.create_application("Field app")
    with pytest.raises(ValidationError, match="More than one"):
        applications.application_with("Field app")
    assert applications.application_with(application.pk) == application


def test_applications_of_one_name_are_told_apart(django_assert_num_queries) -> None:
    alone, *twins = (applications.create_application(name) for name in ("Alone", "Field app", "Field app"))
    DeviceApplication.objects.filter(pk=twins[1].pk).update(created_at=timezone.now() - timedelta(days=1))
    with django_assert_num_queries(1):
        found = {each.pk: (applications.label(each), each.created_at) for each in applications.labelled()}
    # The older one first.
    assert list(found) == [alone.pk, twins[1].pk, twins[0].pk]
    assert found.pop(alone.pk)[0] == "Alone"
    said = {
        key: f"{key}, created {date_format(timezone.localtime(created_at), 'DATETIME_FORMAT')}"
        for key, (_, created_at) in found.items()
    }
    labels = [label for label, _ in found.values()]
    assert labels == [f"Field app ({text})" for text in said.values()]
    # So do those who have asked for one that there is not, or for either.
    with pytest.raises(ValidationError) as caught:
        applications.application_with("Feild app")
    assert f"There are: Alone, {', '.join(labels)}." in caught.value.messages[0]
    with pytest.raises(ValidationError) as caught:
        applications.application_with("Field app")
    assert caught.value.messages[0].endswith(f"of these: {'; '.join(said.values())}.")
