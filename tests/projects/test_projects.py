"""Each of the projects, in a process of its own: settings are loaded once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.process import run_python

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

PROJECTS = sorted(path.parent.name for path in HERE.glob("*/settings.py"))


@pytest.mark.parametrize("project", PROJECTS)
def test_project(project: str) -> None:
    # In one process, whose report names each file.
    options = ("-p", "no:cacheprovider", "--create-db", "--numprocesses=0")
    settings = f"--ds=tests.projects.{project}.settings"
    done = run_python("-m", "pytest", "tests/projects", settings, *options, cwd=ROOT, env=os.environ)
    assert done.returncode == 0, done.stdout + done.stderr
    for test in (*HERE.glob("scenarios/test_*.py"), HERE / project / f"test_{project}.py"):
        assert str(test.relative_to(ROOT)) in done.stdout
