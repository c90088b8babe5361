"""NaN is no figure: records refuse it when they are made."""

from __future__ import annotations

import math
from dataclasses import fields


def refuse_nan(record: object) -> None:
    """Raise `ValueError` if a field of a dataclass, or an entry of a tuple in one, is NaN."""
    for field in fields(record):  # type: ignore[arg-type]
        value = getattr(record, field.name)
        entries = value if isinstance(value, tuple) else (value,)
        if any(isinstance(entry, float) and math.isnan(entry) for entry in entries):
            raise ValueError(f"{field.name} of a {type(record).__name__} is NaN")
