"""Pages and model cards from this room's templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jinja2


def render(
    template: str, /, filters: Mapping[str, Callable[..., Any]] | None = None, **facts: Any
) -> str:
    """The text of a template; facts are escaped where it is HTML, and missing ones are errors."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("distillation"),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(("html.j2",)),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= filters or {}
    return environment.get_template(template).render(facts)
