"""What the client needs beyond the package itself."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def of_the_extra() -> Iterator[None]:
    """For imports of the extra ``client``.

    :raises ImportError: with the words that install it.
    """
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f"{error.name} is missing. Install it: pip install 'drf-tokenauth[client]'", name=error.name
        ) from error
