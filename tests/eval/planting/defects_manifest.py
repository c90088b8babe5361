"""Defects in what the manifest says, and folders that are not artifacts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.eval.planting.changes import RUNS, Broken, Defect
from tests.eval.planting.files import edit_manifest, rewrite

LEVELS = ("manifest", *RUNS, "size")


def late_timestep(values: dict) -> None:
    values["sampler"]["timesteps"][-1] += 1


def wrong_sigma(values: dict) -> None:
    values["sampler"]["sigmas"][1] += 0.01


def reversed_sigmas(values: dict) -> None:
    values["sampler"]["sigmas"].reverse()


def other_table(values: dict) -> None:
    table = values["sampler"]["also"][-1]
    table["timesteps"][-1] -= 10


def guided_again(values: dict) -> None:
    """The student, which has learned the teacher's guidance, is guided once more."""
    values["sampler"]["guidance"] = 2.0


def shuffled_styles(values: dict) -> None:
    values["styles"] = [*values["styles"][1:], values["styles"][0]]


def two_styles_swapped(values: dict) -> None:
    first, second, *others = values["styles"]
    values["styles"] = [second, first, *others]


EDITS: tuple[tuple[str, str, Callable[[dict], None]], ...] = (
    ("a timestep off by one", "onnx", late_timestep),
    ("one sigma wrong", "onnx", wrong_sigma),
    ("sigmas reversed", "onnx", reversed_sigmas),
    ("a timestep of another table wrong", "onnx", other_table),
    ("guidance folded twice", "onnx", guided_again),
    ("styles shuffled", "onnx", shuffled_styles),
    ("two styles swapped", "coreml", two_styles_swapped),
)

DEFECTS = tuple(
    Defect(
        name=name,
        base=base,
        plant=edit_manifest(edit),
        level="manifest",
        also=RUNS[1:],
        levels=LEVELS,
    )
    for name, base, edit in EDITS
)


def truncated(path: str) -> Callable[[Path], None]:
    """The last third of a file is missing."""

    def plant(folder: Path) -> None:
        data = (folder / path).read_bytes()
        rewrite(folder / path, data[: 2 * len(data) // 3])

    return plant


WEIGHTS = "decoder.mlpackage/Data/com.apple.CoreML/weights/weight.bin"

CRASHES = (
    Defect(
        name="truncated model file, signed",
        base="onnx",
        plant=truncated("decoder.onnx"),
        level="weights",
        components=("decoder",),
    ),
    Defect(
        name="truncated weight file, signed",
        base="coreml",
        plant=truncated(WEIGHTS),
        level="weights",
        components=("decoder",),
    ),
)


def lying_hash(values: dict) -> None:
    entry = next(file for file in values["files"] if file["path"] == "decoder.onnx")
    entry["sha256"] = "0" * 64


def changed_byte(folder: Path) -> None:
    data = bytearray((folder / "decoder.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    rewrite(folder / "decoder.onnx", bytes(data))


def missing_model(folder: Path) -> None:
    (folder / "denoiser.onnx").unlink()


def foreign_file(folder: Path) -> None:
    (folder / "extra.bin").write_bytes(b"0")


def version_nine(values: dict) -> None:
    values["schema_version"] = 9


def other_checkpoint(values: dict) -> None:
    values["checkpoint"] = "1" * 64


def setting(value: object, *path: str | int) -> Callable[[Path], None]:
    """A planting that gives an entry of the manifest, named by its path, another value."""

    def edit(values: dict) -> None:
        *outer, last = path
        for key in outer:
            values = values[key]
        values[last] = value

    return edit_manifest(edit)


def no_sigmas(values: dict) -> None:
    del values["sampler"]["also"][0]["sigmas"]


def one_sigma_less(values: dict) -> None:
    values["sampler"]["sigmas"].pop()


def without_components(values: dict) -> None:
    del values["components"]


def another_kind(values: dict) -> None:
    models = values["components"][1]["models"]
    models["tflite"] = models.pop("onnx")


MALFORMED: tuple[tuple[str, str, Callable[[Path], None], str], ...] = (
    ("the sampler is text", "onnx", setting("x", "sampler"), "sampler is 'x'"),
    ("timesteps are text", "onnx", setting("12", "sampler", "timesteps"), "timesteps is '12'"),
    ("a timestep is text", "onnx", setting("1", "sampler", "timesteps", 0), "timesteps[0] is"),
    ("guidance is true", "onnx", setting(True, "sampler", "guidance"), "guidance is True"),
    ("other tables are none", "onnx", setting(None, "sampler", "also"), "also is None"),
    ("a table has no sigmas", "onnx", edit_manifest(no_sigmas), "has no 'sigmas'"),
    ("a sigma is missing", "onnx", edit_manifest(one_sigma_less), "one sigma more"),
    ("no components", "onnx", setting([], "components"), "names no component"),
    (
        "components are not named at all",
        "onnx",
        edit_manifest(without_components),
        "has no field 'components'",
    ),
    ("a component is text", "onnx", setting("x", "components", 0), "components[0] is 'x'"),
    ("a component has no model", "onnx", setting({}, "components", 0, "models"), "names no model"),
    ("a model's path is 1", "onnx", setting(1, "components", 0, "models", "onnx"), "onnx is 1"),
    ("a component has no .onnx", "onnx", edit_manifest(another_kind), "no kind of model file"),
    ("a component of another name", "onnx", setting("x", "components", 0, "name"), "no component"),
    ("an unknown format", "coreml", setting("tflite", "format"), "is of format 'tflite'"),
    ("the precision is a number", "coreml", setting(16, "options", "precision"), "precision is 16"),
    ("a style without a name", "coreml", setting({}, "styles", 0), "'styles[0].name'"),
    (
        "a shape is text",
        "onnx",
        setting("x", "components", 0, "inputs", 0, "shape"),
        "shape is 'x'",
    ),
)

LIES: tuple[tuple[str, str, Callable[[Path], None], str], ...] = (
    # name, base, what is done, part of the line that refuses it
    ("truncated weight file", "coreml", truncated(WEIGHTS), "bytes"),
    ("hash in the manifest is a lie", "onnx", edit_manifest(lying_hash), "SHA-256"),
    ("one bit of a file changed", "onnx", changed_byte, "SHA-256"),
    ("a model file is missing", "onnx", missing_model, "missing"),
    ("a file that is not listed", "onnx", foreign_file, "not in the manifest"),
    ("another schema version", "onnx", edit_manifest(version_nine), "schema version"),
)
SIGNED = (
    ("the missing model is signed away", "onnx", missing_model, "does not list"),
    (
        "artifact of another checkpoint",
        "onnx",
        edit_manifest(other_checkpoint),
        "another checkpoint",
    ),
)

BROKEN = tuple(
    Broken(name=name, base=base, plant=plant, reason=reason, sign=sign)
    for entries, sign in ((LIES, False), (MALFORMED, False), (SIGNED, True))
    for name, base, plant, reason in entries
)
