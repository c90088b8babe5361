"""The workflows that teams copy: what they call exists, and what they rely on holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / "docs" / "ci").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


def steps(path: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def test_there_is_one_for_linux_and_one_for_macos() -> None:
    runners = {
        path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]["fidelity"]["runs-on"]
        for path in WORKFLOWS
    }
    assert runners.keys() == {"linux", "macos"}
    assert all(runner.startswith(("ubuntu-", "macos-")) for runner in runners.values())
    assert not any(runner.endswith("latest") for runner in runners.values())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_make_target_exists_and_fidelity_is_among_them(path: Path) -> None:
    commands = [step["run"] for step in steps(path) if "run" in step]
    called = {target for run in commands for target in re.findall(r"\bmake ([a-z-]+)", run)}
    assert {"test", "validate"} <= called <= TARGETS


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_has_a_version(path: Path) -> None:
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert used and all(re.fullmatch(r"[\w.-]+/[\w./-]+@v\d+(\.\d+)*", name) for name in used)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_the_cache_is_of_what_decides_the_venv(path: Path) -> None:
    (cache,) = [s["with"] for s in steps(path) if s.get("uses", "").startswith("actions/cache@")]
    named = re.findall(r"'([^']+)'", re.search(r"hashFiles\((.*)\)", cache["key"])[1])  # type: ignore[index]
    assert cache["path"] == ".venv" and {"constraints.txt", "pyproject.toml"} <= set(named)
    assert all((ROOT / name).is_file() for name in named)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_the_report_is_kept_and_annotated_when_a_gate_fell(path: Path) -> None:
    always = [step for step in steps(path) if step.get("if") == "always()"]
    kept, annotated = (step["with"] for step in always)
    assert "runs/eval/report.html" in kept["path"] and "runs/eval/junit.xml" in kept["path"]
    assert annotated["report_paths"] == "runs/eval/junit.xml"


def test_links_of_the_pages_exist() -> None:
    for name in ("ci.md", "eval_report.md"):
        page = ROOT / "docs" / name
        targets = re.findall(r"\]\(([^)#:]+)[^)]*\)", page.read_text(encoding="utf-8"))
        assert targets and all((page.parent / target).exists() for target in targets)
