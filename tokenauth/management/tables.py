"""Rows of text in columns, for a terminal."""

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """``rows`` below ``header``, each column as wide as its widest text; the last one is not padded."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header) - 1)]
    return "\n".join(
        "  ".join(
            (*(text.ljust(width) for text, width in zip(line, widths, strict=False)), line[-1])
        ).rstrip()
        for line in lines
    )
