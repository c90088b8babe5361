"""Loads mutants of packages: each has to run, or to raise an error of this room.

``python -m tests.coreml_runtime.fuzz --count 10000`` makes seeded mutants of the program, the
weights or the manifest of small packages, in a process with bounded memory. A crash, another
exception, or an error that takes longer than two seconds ends it with exit code 1.
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

MEMORY = 6 << 30  # bytes of address space, in addition to what the process has at the start
MAX_SECONDS = 2.0  # to refuse a package
MAX_ITERATIONS = 100  # of a loop; a mutant may loop forever, as any program may
EXTREMES = (0, 1, -1, 2, 3, 7, 8, 63, 64, 65, 255, 1 << 16, (1 << 31) - 1, -(1 << 31), 1 << 40)
ODD_NAMES = ("", "x", "\0", "../../etc/passwd", "/etc/hostname", "@model_path/../x", "é" * 50)


def seeds(folder: Path) -> list[Path]:
    """Build what is mutated: packages (:mod:`.seed_packages`), and compiled models of them."""
    from tests.coreml_runtime import mil_printer, seed_packages

    packages = seed_packages.build(folder)
    compiled = [mil_printer.compile_package(p, p.with_suffix(".mlmodelc")) for p in packages]
    return packages + compiled


def mutate(package: Path, generator: random.Random) -> str:
    """Change one file of a package in place; return which file and how it was changed."""
    part = generator.choice(["spec", "spec", "spec", "weights", "manifest"])
    compiled = (package / "model.mil").exists()
    spec, manifest = ("model.mil", "coremldata.bin") if compiled else ("*.mlmodel", "Manifest.json")
    names = {"spec": spec, "weights": "weight*.bin", "manifest": manifest}
    paths = sorted(package.rglob(names[part])) or sorted(package.rglob(spec))
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
    index = generator.randrange(len(data) or 1)
    how = generator.choice(["flip", "number", "cut", "drop", "repeat", "insert"])
    if how == "flip":
        for _ in range(generator.randint(1, 8)):
            data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
    elif how == "number":
        value = generator.choice(EXTREMES) & (1 << 64) - 1
        data[index : index + 8] = struct.pack("<Q", value)
    elif how == "cut":
        del data[index:]
    elif how == "drop":
        del data[index : index + generator.randint(1, 64)]
    elif how == "repeat":
        data[index:index] = data[index : index + generator.randint(1, 256)]
    else:
        data[index:index] = generator.randbytes(generator.randint(1, 32))
    return bytes(data), f"{how} at {index}"


def _messages(message: Any) -> Iterator[Any]:
    """Yield a message and all messages inside it."""
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
    """Change, drop, double or shuffle one to three fields of a message; return their names."""
    changed = []
    for _ in range(generator.choice([1, 1, 2, 3])):
        message = generator.choice(list(_messages(spec)))
        fields = message.ListFields()
        if not fields:
            continue
        field, value = generator.choice(fields)
        changed.append(f"{message.DESCRIPTOR.name}.{field.name}")
        if hasattr(value, "extend"):
            _mutate_repeated(value, field, generator)
        elif field.message_type is not None:  # a map or a single message
            if hasattr(value, "keys") and value:
                del value[generator.choice(sorted(value))]
            else:
                message.ClearField(field.name)
        else:
            setattr(message, field.name, _scalar(value, generator))
    return ", ".join(changed)


def _mutate_repeated(values: Any, field: Any, generator: random.Random) -> None:
    index = generator.randrange(len(values))
    how = generator.choice(["drop", "double", "move", "change"])
    if how == "drop":
        del values[index]
    elif how == "double":
        values.append(values[index])
    elif how == "change" and field.message_type is None:
        values[index] = _scalar(values[index], generator)
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


def outcome(package: Path) -> str:
    """Return ``ran`` or the name of the error; any other exception ends the run."""
    begin = time.perf_counter()
    try:
        model = coreml_runtime.load(package)
    except CoreMLRuntimeError as error:
        taken = time.perf_counter() - begin
        assert taken < MAX_SECONDS, f"it took {taken:.1f} s to refuse: {error}"
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
    """Count the outcomes of ``count`` mutants; a mutant that ends the run is named."""
    results: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        packages = seeds(folder)
        _bound_memory()
        for seed in range(first_seed, first_seed + count):
            generator = random.Random(seed)
            mutant = folder / "mutant.mlpackage"
            shutil.copytree(packages[seed % len(packages)], mutant, copy_function=shutil.copyfile)
            how = mutate(mutant, generator)
            try:
                results[outcome(mutant)] += 1
            except BaseException:
                print(f"mutant {seed} of {packages[seed % len(packages)].name}: {how}")
                raise
            shutil.rmtree(mutant)
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
    outcomes = run(arguments.count, arguments.seed)
    counts = ", ".join(f"{count} {kind}" for kind, count in outcomes.most_common())
    print(f"{arguments.count} mutants: {counts}")
