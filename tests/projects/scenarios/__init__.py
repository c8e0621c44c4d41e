"""What must be true in every project."""

import pytest
from django.conf import settings

# What is written to a database is seen on its replica once it is committed.
on_its_databases = pytest.mark.django_db(transaction="replica" in settings.DATABASES, databases="__all__")
