"""The levels that every kind of pipeline has, one file each, from the file on disk to pictures.

A component, a run or a model file comes in, with the reference; out come figures by case, which
become rows and series with their gates.
"""

from __future__ import annotations

from eval.levels import components, image, manifest, runs, speed, trajectory
from eval.levels.figures import CaseFigures
from eval.levels.layer_search import search
from eval.levels.pictures import compare_pictures
from eval.levels.scope import Scope, described
from eval.levels.unused import unused
from eval.levels.weights import ReadBack, read_back

__all__ = [
    "CaseFigures",
    "ReadBack",
    "Scope",
    "compare_pictures",
    "components",
    "described",
    "image",
    "manifest",
    "read_back",
    "runs",
    "search",
    "speed",
    "trajectory",
    "unused",
]
