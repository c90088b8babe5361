"""``python -m tests.eval.planting``: plant every defect and every harmless change, and score.

Exit code 1 when a defect is missed or wrongly named, or a harmless change fails.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from avatar import shipped
from tests.eval.planting import (
    defects_coreml,
    defects_graph,
    defects_manifest,
    defects_weights,
    harmless,
)
from tests.eval.planting.bases import Bases
from tests.eval.planting.changes import Broken, Change, Defect, Harmless
from tests.eval.planting.score import Kit, Verdict

CHANGES: tuple[Change, ...] = (
    *defects_weights.DEFECTS,
    *defects_graph.DEFECTS,
    *defects_coreml.DEFECTS,
    *defects_manifest.DEFECTS,
    *defects_manifest.CRASHES,
    *defects_manifest.BROKEN,
    *harmless.CHANGES,
)


def main() -> int:
    options = _options()
    bases = Bases(options.work / "good", shipped.CHECKPOINT, options.artifacts)
    kit = Kit(bases, options.work)
    skip = ("weights",) if options.no_weights else ()
    verdicts = []
    for change in _chosen(options.only, options.part):
        started = time.perf_counter()
        verdict = kit.judge(change, skip)
        verdicts.append(verdict)
        print(line(verdict, time.perf_counter() - started), flush=True)
    print("\n".join(score(verdicts, weights=not options.no_weights)))
    return 0 if verdicts and all(_right(v, options.no_weights) for v in verdicts) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.eval.planting", description=__doc__)
    parser.add_argument("--only", default="", help="changes whose name or base holds this text")
    parser.add_argument("--no-weights", action="store_true", help="leave the weights level out")
    parser.add_argument("--part", default="1/1", help="I/N: every Nth change, from the Ith on")
    parser.add_argument("--work", type=Path, default=Path("runs/planting"))
    parser.add_argument("--artifacts", type=Path, default=Path("dist"), help="coreml and onnx")
    return parser.parse_args()


def _chosen(only: str, part: str) -> list[Change]:
    which, of = map(int, part.split("/"))
    found = [
        c for c in CHANGES if only.lower() in f"{c.name} [{c.base}] {type(c).__name__}".lower()
    ]
    if not found:
        sys.exit(f"no change is called {only!r}")
    return found[which - 1 :: of]


def _right(verdict: Verdict, no_weights: bool) -> bool:
    return all(verdict.without) if no_weights else verdict.right


def line(verdict: Verdict, seconds: float) -> str:
    """One change on one line: what was right with all levels, and without weights."""
    marks = (verdict.caught, verdict.named, *verdict.without)
    shown = " ".join("yes" if mark else "NO " for mark in marks)
    change = verdict.change
    kind = type(change).__name__.lower()
    planted = f"{change.base:14} {change.name:42} {seconds:4.0f} s"
    return f"{shown}  {kind:8} {planted}  {verdict.message}"


def score(verdicts: Sequence[Verdict], *, weights: bool = True) -> list[str]:
    """The score in words."""
    defects = [v for v in verdicts if isinstance(v.change, Defect)]
    broken = [v for v in verdicts if isinstance(v.change, Broken)]
    good = [v for v in verdicts if isinstance(v.change, Harmless)]
    manifest = [v for v in defects if v.change.level == "manifest"]  # type: ignore[union-attr]
    lines = []
    if weights:
        caught, named = sum(v.caught for v in defects), sum(v.named for v in defects)
        lines.append(f"all levels: {caught}/{len(defects)} caught, {named}/{len(defects)} named")
    caught, named = (sum(v.without[i] for v in defects) for i in (0, 1))
    lines += [
        f"without weights: {caught}/{len(defects)} caught, {named}/{len(defects)} named",
        f"manifest: {sum(v.at_run_time for v in manifest)}/{len(manifest)} at run time too",
        f"refused: {sum(v.caught and v.named for v in broken)}/{len(broken)}",
        f"harmless: {sum(v.caught for v in good)}/{len(good)} passed",
    ]
    return lines


if __name__ == "__main__":
    sys.exit(main())
