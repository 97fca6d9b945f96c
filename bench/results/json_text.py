"""JSON of a file that may come from elsewhere."""

from __future__ import annotations

import json
from typing import Any


def parse(text: str) -> Any:
    """The values of a JSON text, whose strings can all be written again.

    Raises:
        ValueError: no JSON, or a string with half of a surrogate pair (``\\ud800``), which is no Unicode.
    """
    values = json.loads(text)
    if "\\ud" in text.lower():
        json.dumps(values, ensure_ascii=False).encode()
    return values
