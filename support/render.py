"""Text, pages and source files from Jinja templates, with one set of rules for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2


def render(
    folder: Path,
    template: str,
    /,
    filters: Mapping[str, Callable[..., Any]] | None = None,
    **facts: Any,
) -> str:
    """Fill in a template; the same facts give the same text.

    Facts are escaped where the template is HTML. A fact that the template names and nobody gives is
    an error, not an empty space.

    Args:
        folder: Folder of the templates; templates may include each other.
        template: File name of the template, for example `page.html.j2`.
        filters: Further functions that the template may call on a fact, by name.
        facts: Values that the template names.

    Raises:
        jinja2.TemplateNotFound: The folder has no such template.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(("html.j2",)),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= filters or {}
    return environment.get_template(template).render(facts)
