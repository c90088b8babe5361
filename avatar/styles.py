"""The styles that a model knows, in the file `styles.json`: their order is the model's numbering.

A list of objects. Each has `name`, `tier` ("free" or "plus"), `licence` and `creator`, and may have
`title`, `licence_url`, `creator_url`, `source` and `source_url`.
"""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from avatar.errors import StylesError
from avatar.people import STYLES, DesignerStyle
from avatar.people.errors import UnknownStyleError

STYLES_FILE = "styles.json"
TIERS = ("free", "plus")
REQUIRED = ("name", "tier", "licence", "creator")
KEYS = tuple(field.name for field in fields(DesignerStyle))

NAME = re.compile("[a-z0-9]+(-[a-z0-9]+)*")
"""What names look like, which are folders, words of a command line and names in an app's code."""


def styles_of(folder: Path) -> tuple[DesignerStyle, ...]:
    """The styles of a checkpoint, or of a part of one: those of its `styles.json`, and the built-in
    ones where it has none. Raises `StylesError`."""
    path = folder / STYLES_FILE
    return read_styles(path) if path.is_file() else STYLES


def read_styles(path: Path) -> tuple[DesignerStyle, ...]:
    """The styles in a file. Law: `read_styles` of what `dump_styles(styles)` gives is `styles`.

    Raises `StylesError`, whose message names the file, what was expected and what to do.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StylesError(
            f"{path}: cannot be read ({error.strerror}); expected a list of styles, each with "
            f"{', '.join(REQUIRED)}"
        ) from None
    except ValueError as error:
        raise StylesError(f"{path}: is not JSON, mend it there: {error}") from None
    if not isinstance(entries, list) or not entries:
        raise StylesError(f"{path}: expected a list with an object for each style: [{{…}}, …]")
    styles = tuple(_style(entry, f"{path}: style {n}") for n, entry in enumerate(entries, 1))
    for name, count in Counter(style.name for style in styles).items():
        if count > 1:
            raise StylesError(f"{path}: {count} styles are named {name!r}; give each its own name")
    return styles


def dump_styles(styles: Sequence[DesignerStyle]) -> bytes:
    """What `styles.json` holds: UTF-8, two spaces, a newline at the end."""
    entries = [asdict(style) for style in styles]
    return f"{json.dumps(entries, indent=2, ensure_ascii=False)}\n".encode()


def style_index(styles: Sequence[str], name: str) -> int:
    """The index of a style, however its name is capitalised or hyphenated.

    Raises `UnknownStyleError`, which suggests the nearest name.
    """
    wanted = "-".join(name.lower().replace("_", " ").replace("-", " ").split())
    if wanted in styles:
        return styles.index(wanted)
    near = difflib.get_close_matches(wanted, styles, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(styles)}"
    raise UnknownStyleError(f"no style is named {name!r}; {hint}")


def _style(entry: object, where: str) -> DesignerStyle:
    """One entry of the file; `where` begins the message of what is wrong with it."""
    if not isinstance(entry, dict):
        raise StylesError(f"{where} is no object; expected {{{', '.join(REQUIRED)}}}")
    if missing := [key for key in REQUIRED if not entry.get(key)]:
        raise StylesError(f"{where} lacks {', '.join(missing)}; add what is missing")
    if unknown := sorted(entry.keys() - set(KEYS)):
        raise StylesError(f"{where} has {', '.join(unknown)}; expected only {', '.join(KEYS)}")
    if odd := [key for key, value in entry.items() if not isinstance(value, str)]:
        raise StylesError(f"{where} has {', '.join(odd)} that is no text; put it in quotes")
    if not NAME.fullmatch(entry["name"]):
        raise StylesError(
            f"{where} is named {entry['name']!r}; expected lower-case letters, digits and hyphens"
        )
    if entry["tier"] not in TIERS:
        raise StylesError(
            f"{where} has the tier {entry['tier']!r}; expected {' or '.join(map(repr, TIERS))}"
        )
    title = entry["name"].replace("-", " ").title()
    return DesignerStyle(**{**dict.fromkeys(KEYS, ""), "title": title, **entry})
