"""What to evaluate, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from eval.cases import MODES, Mode
from eval.errors import SubjectError
from eval.gates import Gates

RECIPES = (Path("dist/recipe.json"), Path("dist/quantized"), Path("runs/tune/checkpoint"))
"""Where to look for a recipe that the user did not name: where other commands write theirs."""

LARGE = 2**30
"""Bytes of weights from which on a checkpoint is large."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One evaluation.

    Attributes:
        artifacts: Folders of artifacts.
        names: What the report calls them; by default their paths.
        checkpoint: The unquantized checkpoint, which the reference is computed from.
        recipes: Recipes or quantized checkpoints that quantized artifacts may be made from.
        gates: Limits for all artifacts; None for those of their tiers.
        mode: How much to measure.
        prompts: What pipelines draw that take text; empty for the built-in prompts.
        selfies: Folder of the user's own selfies, which avatars are drawn from; None for people who
            don't exist.
        threads: Threads inside an operation.
        out: Folder of the report and its pictures.
        cache: Folder of what the reference has computed.
        skip: Levels to leave out.
    """

    artifacts: tuple[Path, ...]
    names: tuple[str, ...] = ()
    checkpoint: Path
    recipes: tuple[Path, ...] = RECIPES
    gates: Gates | None = None
    mode: Mode = MODES["default"]
    prompts: tuple[str, ...] = ()
    selfies: Path | None = None
    threads: int = 1
    out: Path
    cache: Path
    skip: frozenset[str] = field(default_factory=frozenset)

    def name(self, index: int) -> str:
        """What the report calls the artifact at an index of `artifacts`."""
        return self.names[index] if self.names else str(self.artifacts[index])

    @property
    def large(self) -> bool:
        """Whether the checkpoint is so large that only one component stays in memory."""
        files = self.checkpoint.rglob("*.safetensors")
        return sum(file.stat().st_size for file in files if file.is_file()) > LARGE

    def require_folders(self) -> None:
        """Raise `SubjectError` unless the folders of artifacts and checkpoint exist.

        This is called before anything is imported for seconds, and before files are sent to other
        machines, where they have paths that the user does not know.
        """
        artifacts = (("artifact", path) for path in self.artifacts)
        selfies = (("folder of selfies", self.selfies),) if self.selfies else ()
        for what, folder in (*artifacts, ("checkpoint", self.checkpoint), *selfies):
            if not folder.is_dir():
                raise SubjectError(f"no {what} at {folder}")
