"""Weights against the configuration that they are to be used with: names and shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from components.checkpoint import understood
from components.errors import CheckpointError
from components.weights import COUNTERS, some


def model_class(library: str, name: str) -> Any:
    """A model class of diffusers or transformers.

    Raises:
        CheckpointError: There is no such class.
    """
    import diffusers
    import transformers

    module = {"diffusers": diffusers, "transformers": transformers}.get(library)
    kind = getattr(module, name, None)
    if not isinstance(kind, type):
        raise CheckpointError(f"there is no class {name} in {library}")
    return kind


def require_exact(
    library: str,
    kind: str,
    config: Mapping[str, Any],
    state: Mapping[str, torch.Tensor],
    source: str,
) -> None:
    """Raise `CheckpointError` unless weights are exactly those that a configuration asks for.

    The model is made without memory for its weights.

    Args:
        library, kind: Its class.
        config: Its configuration.
        state: The weights.
        source: Where they come from, for messages.
    """
    model = model_class(library, kind)
    with understood(source), torch.device("meta"):  # type: ignore[arg-type]
        if library == "transformers":
            made = model(model.config_class(**config))
        else:
            made = model.from_config(dict(config))
    expected = {name: tuple(tensor.shape) for name, tensor in made.state_dict().items()}
    found = {k: tuple(t.shape) for k, t in state.items() if not k.endswith(COUNTERS)}
    shared = expected.keys() & found.keys()
    for problem, names in (
        ("lacks weights", expected.keys() - found.keys()),
        ("has unexpected weights", found.keys() - expected.keys()),
        ("has weights of other shapes", {k for k in shared if expected[k] != found[k]}),
    ):
        if names:
            raise CheckpointError(f"{source} {problem}: {some(names)}; expected those of a {kind}")
