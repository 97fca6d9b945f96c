"""Texts in CSV files that a spreadsheet would take for formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters that make a spreadsheet compute a cell."""


def without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """``frame`` with an apostrophe before texts (not numbers) that begin like a formula, as spreadsheets want."""
    texts = frame.select_dtypes(include=["object", "string"])
    return frame.assign(**{str(name): texts[name].map(_shown) for name in texts})


def _shown(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
