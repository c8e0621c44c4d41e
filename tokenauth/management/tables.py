"""Rows of text in columns, for a terminal."""

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, longest: int | None = None) -> str:
    """``rows`` below ``header``, each column as wide as its widest text; the last one is not padded.

    A text is cut to ``longest`` characters, except for the last. What a terminal would obey is
    shown as ``?``.
    """
    lines = [header, *([*(_shown(text, longest) for text in row[:-1]), _printable(row[-1])] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header) - 1)]
    return "\n".join(
        "  ".join(
            (*(text.ljust(width) for text, width in zip(line, widths, strict=False)), line[-1])
        ).rstrip()
        for line in lines
    )


def _shown(text: str, longest: int | None) -> str:
    text = _printable(text)
    return text if longest is None or len(text) <= longest else f"{text[: longest - 1]}…"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
