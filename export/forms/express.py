"""A component in the form that an export asks for."""

from __future__ import annotations

from components import Component
from export.forms.attention import split_attention
from export.forms.transformer import channels_first_transformers


def with_attention(component: Component, form: str) -> Component:
    """A component whose attention has one of `attention.FORMS`; its module is changed in place.

    Law: it computes what it did, up to rounding, and its parameters keep their names.
    """
    if split_attention(component.module, form):
        channels_first_transformers(component.module)
    return component
