"""How a process is made to take no encoding by chance: for `sitecustomize.py`, and its settings."""

from __future__ import annotations

from tests.test_imports import MAY_IMPORT

NO_DEFAULT_ENCODING = f"""
import warnings

warnings.filterwarnings(
    "error", category=EncodingWarning, module=r"(__main__|{"|".join(MAY_IMPORT)})(\\.|$)"
)
"""
"""Where our code opens text without naming an encoding, it fails (PEP 597)."""

ASCII_ONLY = {"PYTHONWARNDEFAULTENCODING": "1", "PYTHONIOENCODING": "ascii:strict"}
"""Environment of a process whose output takes ASCII only."""
