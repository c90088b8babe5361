"""A picture drawn from an artifact alone, by any runtime: `python -m export run`.

Nothing is read but the artifact: its manifest says how a run joins the components, and holds the
sampler's constants and the tokenizer. The same code does the runs of the reference
(`components/diffusion/flow.py`), whose anchor is diffusers' own pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from components import Runner
from components.diffusion.clip_tokenizer import FOLDERS, token_ids
from components.diffusion.flow import Flow, Wish
from components.diffusion.sampling import Table, table_of
from components.diffusion.schedulers import KINDS, SchedulerSettings
from components.reference import OneAtATime
from export import runtimes
from export.artifact import MANIFEST, Artifact, open_artifact
from export.errors import ArtifactError, UnavailableError
from support.json_records import plain
from support.progress import Progress, silent


@dataclass(frozen=True, kw_only=True)
class Loop:
    """What of the sampling loop is not the artifact's default.

    Attributes:
        steps: Number of steps.
        guidance: Scale of guidance; 1 for none.
        strength: How far a run from a picture goes back to noise, in (0,1].
    """

    steps: int | None = None
    guidance: float | None = None
    strength: float | None = None


class Drawing:
    """An artifact that draws pictures from text.

    Attributes:
        flow: How a run joins the components; says which pictures a wish must have, and of which
            size.
    """

    def __init__(self, folder: Path, runtime: str | None = None) -> None:
        """Open an artifact.

        Args:
            folder: Its folder.
            runtime: The runtime's name; None for the first that it has files for.

        Raises:
            ArtifactError: It is not an artifact of such a pipeline, or has no files for the
                runtime.
            UnavailableError: This machine lacks the runtime.
        """
        self._artifact = open_artifact(folder)
        self._artifact.require_own_layout()
        self._runtime = _chosen(self._artifact, runtime)
        manifest = self._artifact.manifest
        if manifest.tokenizer is None and manifest.tokenizer_2 is None:
            raise ArtifactError(
                f"{folder} draws from selfies, not from text: python -m avatar create "
                f"--runtime {self._runtime.name} --artifact {folder}"
            )
        if missing := {"unet", "decoder"} - {*manifest.wholes}:
            raise ArtifactError(
                f"{folder} has no {' and no '.join(sorted(missing))}, expected all components: "
                f"export it without --components"
            )
        self.flow = Flow(
            inputs={name: manifest.whole(name).inputs for name in manifest.wholes},
            outputs={name: manifest.whole(name).outputs for name in manifest.wholes},
            settings=plain(manifest.settings or {}),
        )

    def table(self, loop: Loop) -> Table:
        """The constants of the loop that is asked for.

        Raises:
            ArtifactError: The manifest has no such table, and too little to make it of.
        """
        if self._artifact.manifest.sampler is None:
            raise ArtifactError(f"{self._artifact.folder}: the manifest has no sampler")
        sampler: dict[str, Any] = plain(self._artifact.manifest.sampler)
        default = Table.read(sampler)
        guidance = default.guidance if loop.guidance is None else max(loop.guidance, 1.0)
        strength = default.strength if loop.strength is None else loop.strength
        if loop.strength is not None and default.strength is None:
            raise ArtifactError("only runs that begin with a picture have a strength")
        if loop.guidance is not None and "embedded_guidance" in self.flow.settings:
            raise ArtifactError(
                f"the model was exported with guidance {self.flow.settings['embedded_guidance']} "
                f"as one of its inputs, expected no other"
            )
        found = table_of(sampler, loop.steps)
        if found is None or found.strength != strength:
            found = self._new_table(sampler, loop.steps or default.length, strength)
        return replace(found, guidance=guidance)

    def draw(self, wish: Wish, loop: Loop, progress: Progress = silent) -> np.ndarray:
        """Draw the pictures of a wish.

        Args:
            wish: What to draw.
            loop: What of the sampling loop is not the artifact's default.
            progress: Hears of each call of the UNet.

        Returns:
            (B,3,H,W) float32 in [0,1].
        """
        table = self.table(loop)
        names = tuple(self.flow.inputs)
        runners = OneAtATime(names, lambda name: self._runtime.load(self._artifact.folder, name))
        calls = len(table.timesteps) * (2 if table.guided else 1)
        inputs = self.flow.arrays(wish, self._tokenize, table)
        (picture,) = self.flow.run(_counted(runners, calls, progress), inputs, table).values()
        drawn: np.ndarray = picture
        return drawn

    def _new_table(self, sampler: Mapping[str, Any], steps: int, strength: float | None) -> Table:
        """A table of another number of steps, made of the schedule's settings."""
        classes = {name: kind for kind, name in KINDS.items()}
        kind, schedule = classes.get(sampler.get("kind", "")), sampler.get("schedule")
        if kind is None or schedule is None:
            raise ArtifactError(f"{self._artifact.folder}: no table of {steps} steps can be made")
        settings = SchedulerSettings(
            kind=kind,
            values=schedule["settings"],
            place=self._artifact.folder / MANIFEST,
        )
        return Table.read({**settings.table(steps, strength=strength), "guidance": 1.0})

    def _tokenize(self, name: str, text: str) -> np.ndarray:
        (spec,) = self.flow.inputs[name]
        return token_ids(self._artifact.folder / FOLDERS[name], text, spec)


def _chosen(artifact: Artifact, name: str | None) -> runtimes.Runtime:
    """The runtime of a name, or the first that an artifact has files for and this machine has."""
    having = {runtime.name: runtime for runtime in runtimes.of(artifact.manifest)}
    if name is None:
        here = [runtime for runtime in having.values() if runtimes.is_here(runtime)]
        if not here:
            raise UnavailableError(f"no runtime here runs {artifact.folder}")
        return here[0]
    if name not in having:
        raise ArtifactError(
            f"{artifact.folder} has no files for {name!r}, expected one of {', '.join(having)}"
        )
    having[name].require()
    return having[name]


def _counted(runners: Mapping[str, Runner], calls: int, progress: Progress) -> Mapping[str, Runner]:
    """The same runners; the UNet's calls are reported."""
    done = 0

    def unet(inputs: Any) -> dict[str, np.ndarray]:
        nonlocal done
        made = runners["unet"](inputs)
        done += 1
        progress("drawing", done, calls)
        return made

    return {**{name: runners[name] for name in runners}, "unet": unet}
