"""What was evaluated, on which cases, on which machine, and against which earlier report."""

from __future__ import annotations

from dataclasses import dataclass

from support.json_records import Number, optional, record


@record
@dataclass(frozen=True, kw_only=True)
class Subject:
    """One evaluated artifact.

    Attributes:
        name: Its folder as the user named it.
        format: `coreml` or `onnx`.
        tier: The tier whose gates hold, such as `fp16` or `w4`.
        gates: The file of the gates, as the user named it, or `eval/gates/TIER.toml`.
        version: Version of the software that exported the artifact.
        options: The options of the export.
        tools: Versions of the libraries that shaped the files.
        manifest: SHA-256 of `manifest.json`, which lists the hash of every other file.
        checkpoint: SHA-256 of the checkpoint that was exported.
        recipe: SHA-256 of the recipe; None without one.
        bytes: Size of all model files of the first kind, as an app ships them.
    """

    name: str
    format: str
    tier: str
    gates: str
    version: str
    options: dict[str, str]
    tools: dict[str, str]
    manifest: str
    checkpoint: str
    recipe: str | None
    bytes: int


@record
@dataclass(frozen=True, kw_only=True)
class Coverage:
    """The cases that the artifacts were tried on.

    Attributes:
        digest: SHA-256 of the cases' definition.
        people: Seeds of the people; empty where a pipeline draws no people, as the next two.
        runs: Number of whole runs.
        selfies: Every number of selfies that occurs.
        styles: Names of the styles.
        prompts: The texts that are drawn; absent where a pipeline takes none.
        tables: The timesteps of every sampler table, by its number of steps.
    """

    digest: str
    people: tuple[int, ...]
    runs: int
    selfies: tuple[int, ...]
    styles: tuple[str, ...]
    prompts: tuple[str, ...] = optional(())
    tables: dict[str, tuple[Number, ...]]


@record
@dataclass(frozen=True, kw_only=True)
class Environment:
    """The machine and the libraries that measured.

    Attributes:
        version: Version of this software.
        python: Version of Python.
        system: Name and release of the operating system.
        processor: Name of the processor.
        cores: Number of its cores.
        threads: Threads inside an operation.
        libraries: Versions of the libraries, by name.
        started: When the evaluation started, ISO 8601 in UTC.
        seconds: How long the evaluation took.
        peak_bytes: The largest resident memory of all processes; memory that they share counts
            once.
    """

    version: str
    python: str
    system: str
    processor: str
    cores: int
    threads: int
    libraries: dict[str, str]
    started: str
    seconds: Number
    peak_bytes: int


@record
@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The earlier report that this one is compared with.

    Attributes:
        file: The file as the user named it.
        digest: SHA-256 of the file.
        version: Version of the software that made it.
        started: When that evaluation started, ISO 8601 in UTC.
        notes: Other differences between the two evaluations, one sentence each.
    """

    file: str
    digest: str
    version: str
    started: str
    notes: tuple[str, ...] = ()
