from django.contrib.auth.models import AbstractUser
from django.db import models

from tokenauth.mixins import HasAccessTokens


class User(HasAccessTokens, AbstractUser):
    """A person or a service; works for one organization, or for none."""

    organization = models.SlugField(blank=True, default="")
