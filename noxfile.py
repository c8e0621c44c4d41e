"""The matrix: each Python with a Django that runs on it, and the projects of ``tests/projects``.

On SQLite, or on the database that ``DATABASE_URL`` names. An interpreter that is not there is skipped,
and said to be. ``nox --list`` shows the sessions; what follows ``--`` goes to pytest.
"""

from __future__ import annotations

import os
from pathlib import Path

import nox

nox.needs_version = ">=2025.10.14"
nox.options.default_venv_backend = "venv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
# With --long, that runs the projects, too.
nox.options.sessions = ["tests"]

MATRIX = [("3.11", "5.2"), ("3.12", "6.0"), ("3.13", "6.1"), ("3.14", "6.1")]
PROJECTS = sorted(path.parent.name for path in Path(__file__).parent.glob("tests/projects/*/settings.py"))

# The extra that brings the driver of a database.
DRIVERS = {"postgres": "postgresql", "postgresql": "postgresql", "mysql": "mysql"}


def install(session: nox.Session, *requirements: str) -> None:
    scheme = os.environ.get("DATABASE_URL", "").partition("://")[0]
    extras = ["dev", DRIVERS[scheme]] if scheme in DRIVERS else ["dev"]
    session.install("-e", f".[{','.join(extras)}]", *requirements)


@nox.session
@nox.parametrize(("python", "django"), MATRIX)
def tests(session: nox.Session, django: str) -> None:
    """The default suite; the rest with ``-- --long``."""
    install(session, f"Django~={django}.0")
    session.run("python", "-c", "import sys, django; print(sys.version, django.__version__)")
    session.run("pytest", *session.posargs)


@nox.session
def projects(session: nox.Session) -> None:
    """The projects alone, each with its own report."""
    install(session)
    for project in PROJECTS:
        session.run("pytest", f"--ds=tests.projects.{project}.settings", "tests/projects", *session.posargs)
