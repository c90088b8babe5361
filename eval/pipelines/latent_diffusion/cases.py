"""The cases of latent diffusion: prompts, seeds and numbers of steps.

The first case of every mode is the pipeline's example run, which the library's own pipeline does
too. A longer list of prompts is the user's, `--prompts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from components.diffusion.example import PROMPT
from eval.cases import Cases, Mode, RunCase
from eval.schema import Where

PROMPTS = (
    "a photograph of an old man with a white beard, laughing, in soft light",
    "three red apples and a blue cup on a wooden table",
    "a knight; naïve art, 14th century: gold leaf & ultramarine (worn)",
    # Longer than a text encoder reads, so that it is cut.
    "an aerial view of a harbour town at night, with lights along the quay, fishing boats, a church"
    " on the hill, narrow streets full of people, lanterns in the trees, snow on the roofs, a full"
    " moon behind thin clouds, mountains far away, painted in oil with broad strokes, in the manner"
    " of the old masters, very detailed, warm colours against the blue of the night",
)
"""What is drawn beside the example's prompt."""
NEGATIVE = "blurry, out of focus"
"""What the second prompt's picture shall not be like; all others have an empty negative prompt."""


@dataclass(frozen=True, kw_only=True)
class PromptCase(RunCase):
    """One run from text to a picture.

    Attributes:
        prompt: The text.
        negative: What the picture shall not be like; empty for nothing.
        seed: Decides the noise, and the picture that a run begins with, where it does.
        steps: As in `RunCase`.
    """

    prompt: str
    negative: str = ""

    def where(self) -> Where:
        detail = f"negative prompt {self.negative!r}" if self.negative else ""
        return Where(prompt=self.prompt, seed=self.seed, steps=self.steps, detail=detail)

    def definition(self) -> dict[str, Any]:
        return {
            "prompt": self.prompt,
            "negative": self.negative,
            "seed": self.seed,
            "steps": self.steps,
        }


@dataclass(frozen=True, kw_only=True)
class PromptCases(Cases):
    """All cases of an evaluation.

    Attributes:
        mode: How much is measured.
        spread: Runs on whose calls each component is tried: one in each sampler table.
        drawn: All runs, the pipeline's example first.
    """

    spread: tuple[PromptCase, ...]
    drawn: tuple[PromptCase, ...]

    @property
    def runs(self) -> tuple[PromptCase, ...]:
        return self.drawn

    @property
    def timed(self) -> tuple[PromptCase, ...]:
        return self.drawn[:1]

    @property
    def most_calls(self) -> int:
        return self.mode.prompt_calls

    def definition(self) -> dict[str, Any]:
        return {"mode": self.mode.name, "drawn": [run.definition() for run in self.drawn]}


def plan(mode: Mode, recorded: int, steps: Sequence[int], own: Sequence[str] = ()) -> PromptCases:
    """Choose the cases of a mode.

    Args:
        mode: How much to measure.
        recorded: Steps of the example run.
        steps: Numbers of steps of the sampler's tables, the default's first.
        own: Prompts to draw instead of the built-in ones.
    """
    example = PromptCase(prompt=PROMPT, seed=0, steps=recorded)
    drawn = dict.fromkeys((example, *_more(mode, example, steps, own)))
    spread = {run.steps: run for run in reversed(drawn)}
    return PromptCases(
        mode=mode,
        drawn=tuple(drawn),
        spread=tuple(run for run in drawn if spread[run.steps] == run),
    )


def _more(
    mode: Mode, example: PromptCase, steps: Sequence[int], own: Sequence[str]
) -> Iterator[PromptCase]:
    """What a mode has beside the example."""
    default, *others = steps
    if not mode.copies:  # as few as there can be
        yield from (replace(example, prompt=prompt, seed=1) for prompt in own[:1])
        return
    for copy in range(mode.prompt_seeds):
        for index, prompt in enumerate(own or PROMPTS):
            negative = NEGATIVE if index == 1 and not own else ""
            seed = 7919 * (copy + 1) + index
            yield PromptCase(prompt=prompt, negative=negative, seed=seed, steps=default)
    yield from (PromptCase(prompt=PROMPT, seed=0, steps=count) for count in others)
