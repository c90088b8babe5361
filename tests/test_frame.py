"""The frame: what is imported is declared, what is declared is pinned, what is used is credited."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from avatar.people import STYLES
from avatar.selfies import read_selfies
from tests.import_graph import imports_of
from tests.test_imports import EVERYONE, MAY_IMPORT

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]


def requirements(*groups: list[str]) -> dict[str, Requirement]:
    parsed = [Requirement(text) for group in groups for text in group]
    return {canonicalize_name(requirement.name): requirement for requirement in parsed}


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    parted = [line.partition("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, _, version in parted}


def _package(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).parent.parts)


def distributions(folders: set[str]) -> set[str]:
    """The distributions that the code in some folders imports, by canonical name."""
    names = {
        name.partition(".")[0]
        for folder in folders
        for file in (ROOT / folder).rglob("*.py")
        for _, name in imports_of(file.read_text(encoding="utf-8"), _package(file))
    }
    foreign = names - MAY_IMPORT.keys() - EVERYONE - set(sys.stdlib_module_names)
    owners = packages_distributions()
    return {canonicalize_name(owners.get(name, [name])[0]) for name in foreign}


def test_what_the_rooms_import_is_declared() -> None:
    # Extras are imported where they are used, and only if they are there.
    extras = [*EXTRAS["faces"], *EXTRAS["ray"]]
    declared = requirements(PROJECT["dependencies"], extras).keys()
    assert distributions(set(MAY_IMPORT)) - declared == set()


def test_what_the_tests_import_is_declared() -> None:
    declared = requirements(PROJECT["dependencies"], EXTRAS["test"]).keys()
    assert distributions({"tests", "benchmarks"}) - declared == set()


def test_every_requirement_is_pinned_to_a_version_it_allows() -> None:
    pinned = pins()
    for name, requirement in requirements(PROJECT["dependencies"], *EXTRAS.values()).items():
        assert requirement.specifier.contains(pinned[name]), f"{name}=={pinned[name]}"


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone: nothing lists its files")
def test_no_file_holds_an_unfinished_merge() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    marker = re.compile(rb"^(<{7}|>{7}) ", re.MULTILINE)
    names = tracked.stdout.decode().split("\0")[:-1]
    assert [name for name in names if marker.search((ROOT / name).read_bytes())] == []


def test_notice_credits_every_style() -> None:
    blocks = (ROOT / "NOTICE").read_text(encoding="utf-8").split("\n\n")
    by_name = {block.splitlines()[0]: block for block in blocks}
    for style in STYLES:
        for text in (
            *(style.creator, style.creator_url, style.source, style.source_url),
            *(style.licence, style.licence_url),
        ):
            assert text in by_name[style.name]


PAGES = [
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md"),
    *(page.relative_to(ROOT).as_posix() for page in sorted((ROOT / "docs").glob("*.md"))),
]
CODE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("name", PAGES)
def test_links_and_pictures_of_a_page_exist(name: str) -> None:
    page = ROOT / name
    prose = CODE.sub("", page.read_text(encoding="utf-8"))
    targets = re.findall(r"\]\(([^)#:]+)[^):]*\)", prose)
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_sample_selfies_of_the_readme_can_be_read() -> None:
    selfies = read_selfies(sorted((ROOT / "docs" / "samples").glob("*.png")))
    assert selfies.shape == (3, 3, 128, 128)
    assert min(float(selfie.std()) for selfie in selfies) > 0.05


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--dry-run", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_make_refuses_an_unknown_pytorch_build() -> None:
    assert "expected pypi or cpu" in make("test", "TORCH=gpu").stderr


def test_make_provides_both_toolchains_and_ci_insists_on_them() -> None:
    plan = make("toolchains").stdout
    assert "toolchains/swift.sh" in plan and "toolchains/kotlin.sh" in plan
    commands = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    together = "make --jobs 3 --output-sync=line toolchains lint"
    assert commands[-2:] == [together, "REQUIRE_TOOLCHAINS=1 make test"]


def test_make_sets_up_with_the_build_that_is_asked_for(tmp_path: Path) -> None:
    """Asked in a folder without .venv, so that the whole set-up is in the plan."""
    for file in ("Makefile", "constraints.txt", "pyproject.toml"):
        (tmp_path / file).symlink_to(ROOT / file)
    default = make("-C", str(tmp_path), "export").stdout
    assert "--index-url" not in default and "-m export coreml" in default
    cpu = make("-C", str(tmp_path), "export", "TORCH=cpu", "TORCH_INDEX=http://mirror").stdout
    assert "--index-url http://mirror" in cpu and "+cpu" in cpu
