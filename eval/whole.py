"""One artifact in one runtime: whole runs, and what comes of all their figures together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from components import Arrays
from eval import environment, jury, pictures, runs, speed
from eval.cases import Ask
from eval.findings import Findings
from eval.levels import image, set
from eval.tally import Tally
from eval.trial import Trial
from eval.truth import Truth

SETS = {"quick": 0, "default": 1, "full": 5}
"""Sets of avatars that are timed after a first one; a quick evaluation times components only."""
LAWS = {"quick": 1, "default": 2, "full": 4}
"""Runs on which what must not change the picture is tried."""


def measure(trial: Trial, asks: tuple[Ask, ...]) -> Mapping[str, np.ndarray]:
    """A batch's figures. A full evaluation takes long, and goes on where it was: what it keeps is
    named by everything that decides it."""
    bench = trial.bench
    judge = bench.looker(asks)

    def make() -> dict[str, np.ndarray]:
        byte_images = trial.runtime.byte_images
        return runs.measure(asks, trial.truths, trial.model, judge, byte_images=byte_images)

    return bench.store.get(_key(trial, asks), make) if bench.request.mode == "full" else make()


def _key(trial: Trial, asks: tuple[Ask, ...]) -> str:
    judge = trial.bench.judge
    truths = "-".join(truth.key for truth in trial.truths)
    artifact = f"{trial.opened.facts.manifest[:20]}-{trial.runtime.name}"
    judged = jury.digest(judge) if judge else "unjudged"
    ran = environment.digest(trial.bench.request.threads)
    return f"full/{artifact}/{truths}/{judged}/{ran}/batch-{asks[0].key}-{len(asks)}"


def finish(trial: Trial, parts: Sequence[Arrays]) -> Findings:
    """Rows, pictures and costs of whole runs, from the figures of all batches in their order."""
    trial.found = Findings()
    if parts:
        with trial.caught(trial.scope("image")):
            _whole(trial, parts)
    if trial.bench.timed and SETS[trial.bench.request.mode]:
        with trial.caught(trial.scope("speed")):
            trial.cost(_cost(trial))
    return trial.found


def _whole(trial: Trial, parts: Sequence[Arrays]) -> None:
    skip, mode = trial.bench.request.skip, trial.bench.request.mode
    tallies = _tallies(trial, parts)
    for tally, truth in zip(tallies, trial.truths, strict=True):
        if "trajectory" not in skip:
            trial.keep(tally.trajectory)
        if "image" not in skip:
            trial.keep(tally.image)
            _pictures(trial, tally.image, truth)
    if "image" not in skip:
        laws, truth = image.Laws.of(trial.bench.cases.spread, LAWS[mode]), trial.truths[-1]
        tried = Tally(trial.scope("image", truth=truth))
        trial.found.rows += laws.rows(tried, trial.model, truth)
    if trial.bench.judge is not None:
        _set(trial, runs.seen(parts))


def _tallies(trial: Trial, parts: Sequence[Arrays]) -> list[runs.Tallies]:
    found = [
        runs.Tallies(
            trajectory=Tally(trial.scope("trajectory", truth=truth)),
            image=Tally(trial.scope("image", truth=truth)),
        )
        for truth in trial.truths
    ]
    for asks, part in zip(trial.bench.batches(), parts, strict=True):
        runs.feed(found, trial.truths, asks, part)
    return found


def _pictures(trial: Trial, tally: Tally, truth: Truth) -> None:
    """The worst and the typical run to look at; FLIP, which is slow, is of these alone."""
    byte_images = trial.runtime.byte_images
    made, files = pictures.compare(
        tally, trial.bench.cases, truth, trial.model, byte_images=byte_images
    )
    trial.found.comparisons += made
    trial.found.pictures |= files
    worst = max(made, key=lambda pair: pair.metrics["flip"])
    trial.found.rows.append(
        tally.scope.row("flip", worst.metrics["flip"], where=worst.where, count=len(made))
    )


def _set(trial: Trial, seen: Sequence[Arrays]) -> None:
    bench = trial.bench
    asks, got = bench.cases.judged, jury.joined(seen)
    judged = [batch for batch in bench.batches() if bench.looker(batch)]
    for truth in trial.truths:
        scope = trial.scope("set", truth=truth)
        expected = jury.joined([bench.seen(truth, batch) for batch in judged])
        trial.found.rows += set.rows(scope, asks, expected, got)
        if bench.request.mode == "full":
            drawn = jury.joined([bench.drawings(batch) for batch in judged])
            trial.found.rows += set.full_rows(scope, asks, drawn, expected, got)


def _cost(trial: Trial) -> speed.Cost:
    bench = trial.bench
    assert trial.model  # loads what is not loaded yet
    make: Callable = trial.fresh_model
    return speed.of_set(
        trial.opened.facts.name,
        trial.runtime.name,
        make,
        bench.cases.judged[0],
        bench.reference.latent_shape,
        SETS[bench.request.mode],
        beside=bench.reference.fresh_model,
    )
