"""The README's steps, on a project as ``startproject`` makes it, with the stock user model."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from tests.e2e.process import run_python

ROOT = Path(__file__).parents[2]

ASK = """
from django.test import Client
client = Client(SERVER_NAME="localhost", headers={"Authorization": "Bearer TOKEN"})
for answer in (client.get("/reports"), client.post("/reports")):
    print(answer.status_code, answer.json())
"""


def test_it_is_added_to_a_project_by_the_readme(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO")}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}

    def run(*args: str) -> str:
        done = run_python(*args, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    readme = (ROOT / "README.md").read_text()
    examples = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", readme, re.DOTALL))
    run("-m", "django", "startproject", "mysite", ".")
    for name, text in examples.items():
        with (tmp_path / "mysite" / name).open("a") as file:
            file.write(text)

    run("manage.py", "check", "--fail-level", "WARNING")
    commands = [shlex.split(line) for line in re.findall(r"^python (manage\.py .*)$", readme, re.MULTILINE)]
    migrate, createsuperuser, createtoken, runserver = commands
    assert runserver == ["manage.py", "runserver"]
    run(*migrate)
    run(*createsuperuser, "--email", "alice@example.com", "--noinput")
    raw = run(*createtoken).strip()
    assert re.fullmatch(r"pat_[0-9A-Za-z]{36}", raw)
    ask = ASK.replace("TOKEN", raw)
    answers = run("manage.py", "shell", "--verbosity", "0", "--command", ask).splitlines()
    assert answers[0] == "200 {'reports': [], 'for': 'alice'}"
    assert answers[1].startswith("403 ")
    assert "insufficient_scope" in answers[1]
