"""The file `styles.json` of a checkpoint: the styles that the model knows, in the model's order.

The file is a list of objects; the index of a style in it is the index that the denoiser takes. Each
object has `name`, `tier` ("free" or "plus"), `licence` and `creator`, and may have `title`,
`licence_url`, `creator_url`, `source` and `source_url`.
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
"""The form of a name, which serves as a folder, as a command-line word and in an app's code."""


def styles_of(folder: Path) -> tuple[DesignerStyle, ...]:
    """The styles in a checkpoint's `styles.json`, or the built-in ones where it has none.

    Raises:
        StylesError: `styles.json` cannot be read, or lacks something.
    """
    path = folder / STYLES_FILE
    return read_styles(path) if path.is_file() else STYLES


def read_styles(path: Path) -> tuple[DesignerStyle, ...]:
    """Read the styles in a file; reading what `dump_styles(styles)` gives returns `styles`.

    Raises:
        StylesError: The file cannot be read, or lacks something; the message names the file, what
            was expected and what to do.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StylesError(
            f"{path}: cannot be read ({error.strerror}); expected a list of styles, each with "
            f"{', '.join(REQUIRED)}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise StylesError(f"{path}: is not JSON, mend it there: {error}") from None
    if not isinstance(entries, list) or not entries:
        raise StylesError(f"{path}: expected a list with an object for each style: [{{…}}, …]")
    styles = tuple(_style(entry, f"{path}: style {n}") for n, entry in enumerate(entries, 1))
    for name, count in Counter(style.name for style in styles).items():
        if count > 1:
            raise StylesError(f"{path}: {count} styles are named {name!r}; give each its own name")
    return styles


def dump_styles(styles: Sequence[DesignerStyle]) -> bytes:
    """The content of `styles.json`: JSON in UTF-8, two spaces, a newline at the end."""
    entries = [asdict(style) for style in styles]
    return f"{json.dumps(entries, indent=2, ensure_ascii=False)}\n".encode()


def style_index(styles: Sequence[str], name: str) -> int:
    """The index of a style in `styles`, however its name is capitalised or hyphenated.

    Raises:
        UnknownStyleError: No style has that name; the message suggests the nearest one.
    """
    wanted = "-".join(name.lower().replace("_", " ").replace("-", " ").split())
    if wanted in styles:
        return styles.index(wanted)
    near = difflib.get_close_matches(wanted, styles, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(styles)}"
    raise UnknownStyleError(f"no style is named {name!r}; {hint}")


def _style(entry: object, where: str) -> DesignerStyle:
    """Check and complete one entry of the file; `where` begins the message of an error."""
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
