"""The settings of the sample as it is deployed; ``CONN_MAX_AGE`` from the environment."""

import os

from testproject.settings import *  # noqa: F403
from testproject.settings import DATABASES

DEBUG = False
DATABASES["default"]["CONN_MAX_AGE"] = int(os.environ["CONN_MAX_AGE"])
