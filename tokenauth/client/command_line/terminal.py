"""What is asked and said at a terminal. Standard output is for what a program reads."""

from __future__ import annotations

import getpass
import sys
import warnings
from typing import TYPE_CHECKING

from tokenauth.client.command_line.exceptions import CommandError, OutputError

if TYPE_CHECKING:
    import argparse


def say(text: str) -> None:
    """A line for whoever or whatever reads the answer."""
    _write(f"{text}\n")


def note(text: str) -> None:
    """A line for the person alone."""
    # There is none where a service was started without it.
    if sys.stderr is not None:
        sys.stderr.write(f"{text}\n")


def end_output() -> None:
    """See that all that was said has arrived.

    :raises OutputError: it has not.
    """
    _write("")


def password(options: argparse.Namespace, *, is_new: bool = False) -> str:
    """The PIN, from where ``options`` say. Asked for twice where it is chosen now.

    :raises CommandError: there is none, or the second is another.
    """
    if options.password_stdin:
        return _next_line("the PIN")
    typed = _hidden("Choose a PIN: " if is_new else "PIN: ")
    if is_new and typed != _hidden("The same PIN again: "):
        raise CommandError("The two are not the same. Nothing was done.")
    return typed


def activation_code(typed: str | None) -> str:
    """The code, which ``-`` reads from standard input and None asks for.

    :raises CommandError: there is none.
    """
    if typed is None:
        if not _is_at_terminal():
            raise CommandError("There is no terminal to ask for the code at. Give - to read it from a line.")
        _ask("Activation code: ")
    return _next_line("the activation code") if typed is None or typed == "-" else typed


def is_confirmed(question: str) -> bool:
    """Whether somebody who sits there says yes.

    :raises CommandError: nobody does.
    """
    if not _is_at_terminal():
        raise CommandError(f"{question} Add --yes to do it.")
    _ask(f"{question} [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _is_at_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _write(text: str) -> None:
    if sys.stdout is None:
        if text:
            raise OutputError("Standard output is closed.")
        return
    try:
        sys.stdout.write(text)
        # Else what is noted after it may come before it.
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise OutputError from error
    except UnicodeEncodeError as error:
        raise OutputError(
            f"Standard output cannot be written: {error.encoding} has not all of its characters. "
            "Set PYTHONIOENCODING=utf-8."
        ) from error
    except OSError as error:
        raise OutputError(f"Standard output cannot be written: {error.strerror}.") from error


def _ask(question: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(question)
        sys.stderr.flush()


def _hidden(question: str) -> str:
    with warnings.catch_warnings():
        # Where a PIN would be seen as it is typed, getpass only warns.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(question)
        except (EOFError, getpass.GetPassWarning):
            raise CommandError(
                "There is no terminal to ask for the PIN at. Give it on standard input: --password-stdin."
            ) from None
        except UnicodeDecodeError:
            # The error holds what was typed.
            raise CommandError("What was typed is not UTF-8, or whatever this terminal is set to.") from None


def _next_line(what: str) -> str:
    # As bytes: a PIN is the same one whatever the locale.
    line = b"" if sys.stdin is None else sys.stdin.buffer.readline().rstrip(b"\r\n")
    if not line:
        raise CommandError(f"Standard input has no line for {what}.")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise CommandError(f"The line of standard input for {what} is not UTF-8.") from None
