"""What is to be evaluated, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from eval.cases import Mode
from eval.errors import SubjectError
from eval.gates import Gates

RECIPES = (Path("dist/recipe.json"), Path("dist/quantized"), Path("runs/tune/checkpoint"))
"""Where a recipe is looked for that nobody named: where other commands write theirs."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One evaluation.

    Attributes:
        artifacts: Folders.
        names: What the report calls them; by default their paths as given.
        checkpoint: The unquantized checkpoint, the reference.
        recipes: Recipes or quantized checkpoints that quantized artifacts may be of; by default
            where other commands write them.
        gates: Limits for all of them; None: those of their tiers.
        mode: `quick`, `default` or `full`.
        threads: Inside an operation.
        out: Folder of the report and its pictures.
        cache: Folder of what the reference gave.
        skip: Levels that are left out.
    """

    artifacts: tuple[Path, ...]
    names: tuple[str, ...] = ()
    checkpoint: Path
    recipes: tuple[Path, ...] = RECIPES
    gates: Gates | None = None
    mode: Mode = "default"
    threads: int = 1
    out: Path
    cache: Path
    skip: frozenset[str] = field(default_factory=frozenset)

    def name(self, place: int) -> str:
        """What the report calls the artifact at a place."""
        return self.names[place] if self.names else str(self.artifacts[place])

    def require_folders(self) -> None:
        """Raise `SubjectError` unless artifacts and checkpoint are there: before seconds of
        imports, and before they are sent to where they have paths that no user would know."""
        artifacts = (("artifact", path) for path in self.artifacts)
        for what, folder in (*artifacts, ("checkpoint", self.checkpoint)):
            if not folder.is_dir():
                raise SubjectError(f"no {what} at {folder}")
