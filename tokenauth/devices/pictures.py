"""Pictures of activation codes, which devices read instead of what somebody would type.

They are drawn by segno, of the extra ``devices``; without it, there are none.
"""

from __future__ import annotations

import importlib.util
from io import StringIO
from typing import Any

from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_variables

# In modules: as wide as ISO/IEC 18004 wants it, so that a camera finds the picture on any ground.
_QUIET_ZONE = 4


def can_draw() -> bool:
    """Whether segno is installed."""
    return importlib.util.find_spec("segno") is not None


@sensitive_variables()
def svg(text: str) -> SafeString:
    """A picture of ``text`` as an SVG element, as wide as what it is in; "" where nothing draws it.

    Black on white whatever the page: a camera does not read it the other way round.
    """
    if not can_draw():
        return SafeString()
    drawn = _made(text).svg_inline(
        border=_QUIET_ZONE, dark="#000", light="#fff", omitsize=True, svgclass=None, lineclass=None
    )
    # Of segno, and made of numbers alone: what it is a picture of is not in it as a text.
    return SafeString(drawn)


@sensitive_variables()
def for_terminal(text: str) -> str:
    """A picture of ``text`` for a terminal.

    :raises ImportError: segno is not installed.
    """
    drawn = StringIO()
    _made(text).terminal(out=drawn, border=_QUIET_ZONE, compact=True)
    return drawn.getvalue()


def _made(text: str) -> Any:
    import segno

    return segno.make(text, error="m", micro=False)
