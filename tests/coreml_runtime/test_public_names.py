"""Pins the public names of the room, which other rooms and users rely on."""

import coreml_runtime
from coreml_runtime import coremltools_plugin

PUBLIC = {
    "CoreMLModel",
    "CoreMLRuntimeError",
    "ExecutionError",
    "Feature",
    "InputError",
    "PackageError",
    "PackagePathError",
    "ProgramError",
    "State",
    "UnsupportedModelError",
    "UnsupportedOpError",
    "WeightsError",
    "load",
    "registered_ops",
}


def test_the_public_names_are_these() -> None:
    assert set(coreml_runtime.__all__) == PUBLIC
    assert all(hasattr(coreml_runtime, name) for name in PUBLIC)


def test_the_plugin_can_be_installed_and_removed() -> None:
    assert {"install", "uninstall"} <= set(coremltools_plugin.__all__)


def test_every_error_is_a_value_error_of_the_room() -> None:
    errors = {name for name in PUBLIC if name.endswith("Error")}
    assert len(errors) == 9
    for name in errors:
        error = getattr(coreml_runtime, name)
        assert issubclass(error, coreml_runtime.CoreMLRuntimeError)
        assert issubclass(error, ValueError)
