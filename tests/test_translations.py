"""Each language that is shipped is whole: every message, with what stands in it for names and numbers."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest
from django.utils import translation

import tokenauth
from tokenauth.exceptions import Reason

PACKAGE = Path(tokenauth.__file__).parent
CATALOGUES = sorted(PACKAGE.glob("locale/*/LC_MESSAGES/django.po"))
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[a-z]|\{\w*\}|<[^>]+>")


def messages(path: Path) -> dict[tuple[str | None, str, str], list[str]]:
    """By context, singular and plural: what each is in the language."""
    return {
        (entry.msgctxt, entry.msgid, entry.msgid_plural): [*entry.msgstr_plural.values()] or [entry.msgstr]
        for entry in (polib.pofile if path.suffix == ".po" else polib.mofile)(str(path))
    }


def test_german_is_shipped() -> None:
    assert [path.parts[-3] for path in CATALOGUES] == ["de"]
    with translation.override("de"):
        assert str(Reason.REVOKED.label) == "Die Zugangsdaten wurden widerrufen."
        assert Reason.REVOKED.description == "The credential was revoked."


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_every_message_is_translated(path: Path) -> None:
    catalogue = polib.pofile(str(path))
    assert [entry.msgid for entry in (*catalogue.untranslated_entries(), *catalogue.fuzzy_entries())] == []
    for (_, singular, plural), texts in messages(path).items():
        expected = [set(PLACEHOLDER.findall(text)) for text in (singular, plural or singular)]
        for text in texts:
            # Of one, a language need not say how many there are.
            assert set(PLACEHOLDER.findall(text)) in expected, singular
            assert _edges(text) == _edges(singular), singular


def _edges(text: str) -> tuple[str, str]:
    """The white space around it."""
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parts[-3])
def test_what_is_read_at_run_time_is_what_is_edited(path: Path) -> None:
    assert messages(path.with_suffix(".mo")) == messages(path)


@pytest.mark.skipif(
    shutil.which("xgettext") is None,
    reason="whether every message is in the catalogues: install gettext, and run tests/test_translations.py",
)
def test_every_message_of_the_package_is_in_it(tmp_path: Path) -> None:
    copy = tmp_path / "tokenauth"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "django", "makemessages", "--all", "--no-location", "--no-obsolete"]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)  # noqa: S603
    for path in CATALOGUES:
        assert set(messages(copy / path.relative_to(PACKAGE))) == set(messages(path)), (
            "CONTRIBUTING.md says how the catalogues are brought up to date."
        )
