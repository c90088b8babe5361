"""Mutants of packages: each loads and runs, or an error of the room says why not.

``python -m tests.coreml_runtime.fuzz --count 10000`` makes seeded mutants of the program, the
weights or the manifest of four small packages, in a process of its own with bounded memory. A
crash, a foreign exception or a refusal that takes longer than two seconds ends it with exit code 1.
"""

import argparse
import random
import resource
import shutil
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

import coreml_runtime
from coreml_runtime.errors import CoreMLRuntimeError
from coreml_runtime.execution import executor
from coreml_runtime.inspection import random_inputs
from coreml_runtime.package.protobuf_messages import Model_pb2

MEMORY = 6 << 30  # bytes of address space above what the process has at the start
PATIENCE = 2.0  # seconds for a refusal
MAX_ITERATIONS = 100  # of a loop; a mutant may loop forever, as any program may
EXTREMES = (0, 1, -1, 2, 3, 7, 8, 63, 64, 65, 255, 1 << 16, (1 << 31) - 1, -(1 << 31), 1 << 40)
ODD_NAMES = ("", "x", "\0", "../../etc/passwd", "/etc/hostname", "@model_path/../x", "é" * 50)


def seeds(folder: Path) -> list[Path]:
    """The packages that are mutated, built by coremltools: see :mod:`.seed_packages`."""
    from tests.coreml_runtime import seed_packages

    return seed_packages.build(folder)


def mutate(package: Path, generator: random.Random) -> str:
    """Spoil one file of a package in place; says which and how."""
    part = generator.choice(["spec", "spec", "spec", "weights", "manifest"])
    names = {"spec": "*.mlmodel", "weights": "weight*.bin", "manifest": "Manifest.json"}
    paths = sorted(package.rglob(names[part])) or sorted(package.rglob("*.mlmodel"))
    path = generator.choice(paths)
    content = path.read_bytes()
    if path.suffix == ".mlmodel" and generator.random() < 0.7:
        spec = Model_pb2.Model()
        spec.ParseFromString(content)
        how = _mutate_message(spec, generator)
        path.write_bytes(spec.SerializeToString())
    else:
        mutant, how = _mutate_bytes(content, generator)
        path.write_bytes(mutant)
    return f"{path.name}: {how}"


def _mutate_bytes(content: bytes, generator: random.Random) -> tuple[bytes, str]:
    data = bytearray(content)
    place = generator.randrange(len(data) or 1)
    how = generator.choice(["flip", "number", "cut", "drop", "repeat", "insert"])
    if how == "flip":
        for _ in range(generator.randint(1, 8)):
            data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
    elif how == "number":
        value = generator.choice(EXTREMES) & (1 << 64) - 1
        data[place : place + 8] = struct.pack("<Q", value)
    elif how == "cut":
        del data[place:]
    elif how == "drop":
        del data[place : place + generator.randint(1, 64)]
    elif how == "repeat":
        data[place:place] = data[place : place + generator.randint(1, 256)]
    else:
        data[place:place] = generator.randbytes(generator.randint(1, 32))
    return bytes(data), f"{how} at {place}"


def _messages(message: Any) -> Iterator[Any]:
    """A message and all in it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type is not None:
                for key in sorted(value):
                    yield from _messages(value[key])
        elif hasattr(value, "add"):
            for part in value:
                yield from _messages(part)
        else:
            yield from _messages(value)


def _mutate_message(spec: Any, generator: random.Random) -> str:
    """One to three fields somewhere in the message changed, dropped, doubled or swapped."""
    told = []
    for _ in range(generator.choice([1, 1, 2, 3])):
        message = generator.choice(list(_messages(spec)))
        fields = message.ListFields()
        if not fields:
            continue
        field, value = generator.choice(fields)
        told.append(f"{message.DESCRIPTOR.name}.{field.name}")
        if hasattr(value, "extend"):
            _mutate_repeated(value, field, generator)
        elif field.message_type is not None:  # a map or a single message
            if hasattr(value, "keys") and value:
                del value[generator.choice(sorted(value))]
            else:
                message.ClearField(field.name)
        else:
            setattr(message, field.name, _scalar(value, generator))
    return ", ".join(told)


def _mutate_repeated(values: Any, field: Any, generator: random.Random) -> None:
    place = generator.randrange(len(values))
    how = generator.choice(["drop", "double", "move", "change"])
    if how == "drop":
        del values[place]
    elif how == "double":
        values.append(values[place])
    elif how == "change" and field.message_type is None:
        values[place] = _scalar(values[place], generator)
    else:
        kept = list(values)
        generator.shuffle(kept)
        del values[:]
        values.extend(kept)


def _scalar(value: Any, generator: random.Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        wanted = generator.choice([*EXTREMES, value + 1, value - 1, value * 2])
        return max(min(wanted, (1 << 31) - 1), 0)
    if isinstance(value, float):
        return generator.choice([0.0, -1.0, float("inf"), float("nan"), 1e30])
    if isinstance(value, bytes):
        return _mutate_bytes(value or b"\0", generator)[0]
    return generator.choice([*ODD_NAMES, str(value)[:-1], str(value) + "_"])


def judge(package: Path) -> str:
    """``ran`` or the name of the error; anything else is left to break the run."""
    begin = time.perf_counter()
    try:
        model = coreml_runtime.load(package)
    except CoreMLRuntimeError as error:
        taken = time.perf_counter() - begin
        assert taken < PATIENCE, f"refused only after {taken:.1f} s: {error}"
        assert "\n" not in str(error), f"more than one line: {error}"
        return type(error).__name__
    try:
        if sum(int(np.prod(feature.shape)) for feature in model.inputs) < 1 << 20:
            given = random_inputs(model.inputs, 0)
            model.predict(given, model.make_state() if model.states else None)
    except CoreMLRuntimeError as error:
        return type(error).__name__
    return "ran"


def run(count: int, first_seed: int) -> Counter[str]:
    """Judge ``count`` mutants; the seed of one that breaks is told."""
    results: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        packages = seeds(folder)
        _bound_memory()
        for seed in range(first_seed, first_seed + count):
            generator = random.Random(seed)
            spoilt = folder / "spoilt.mlpackage"
            shutil.copytree(packages[seed % len(packages)], spoilt, copy_function=shutil.copyfile)
            how = mutate(spoilt, generator)
            try:
                results[judge(spoilt)] += 1
            except BaseException:
                print(f"mutant {seed} of {packages[seed % len(packages)].name}: {how}")
                raise
            shutil.rmtree(spoilt)
    return results


def _bound_memory() -> None:
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    executor.MAX_ITERATIONS = MAX_ITERATIONS
    told = run(arguments.count, arguments.seed)
    print(
        f"{arguments.count} mutants: " + ", ".join(f"{n} {kind}" for kind, n in told.most_common())
    )
