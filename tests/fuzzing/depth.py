"""How much is tried: a glance in the suite; with ``FUZZING=long``, as much as an evening takes."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "glance",
    deadline=None,
    print_blob=True,
    # An example is a whole life, with a database under it.
    suppress_health_check=list(HealthCheck),
    max_examples=40,
    stateful_step_count=30,
)
settings.register_profile("long", settings.get_profile("glance"), max_examples=3000, stateful_step_count=50)

DEPTH = settings.get_profile(os.environ.get("FUZZING", "glance"))
