"""Several packages of one component as one package, with a function each and shared weights.

Functions exist from iOS 18 on ("Use multifunction models to optimize memory and disk usage",
coremltools' guide). What coremltools leaves is made deterministic by `package`, as any package is.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from coremltools.models.utils import MultiFunctionDescriptor, load_spec, save_multifunction

from export.coreml import package
from support.quiet import quiet


def write(sources: Mapping[str, Path], default: str, out: Path) -> None:
    """Join packages. Law: the same packages give the same bytes.

    Args:
        sources: For each function the package that it is taken from, whose only function it is.
        default: The function that is loaded where none is named.
        out: The new package, ending in `.mlpackage`.
    """
    descriptor = MultiFunctionDescriptor()
    for name, source in sources.items():
        descriptor.add_function(str(source), "main", name)
    descriptor.default_function_name = default
    with TemporaryDirectory(dir=out.parent) as scratch, quiet():
        made = Path(scratch) / out.name
        save_multifunction(descriptor, str(made))
        shutil.move(made, out)
    spec = load_spec(str(out))
    _describe(spec, {name: load_spec(str(source)) for name, source in sources.items()}, default)
    package.normalise(spec)
    package.write(spec, out)


def _describe(spec: Any, sources: Mapping[str, Any], default: str) -> None:
    """Give the joined model the default's metadata, which coremltools leaves out."""
    spec.description.metadata.CopyFrom(sources[default].description.metadata)
