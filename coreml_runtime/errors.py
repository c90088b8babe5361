"""The errors of this room: everything that it raises on purpose.

CoreMLRuntimeError                a UserError: the caller can correct the file or the inputs
├── PackageError                  the package or compiled model is missing, malformed or cut off
│   ├── PackagePathError          a path in it leads out of the package
│   └── WeightsError              the weight file does not hold what the program declares
├── ProgramError                  the program is malformed: unknown names, wrong types, cycles
├── UnsupportedModelError         a Core ML model of another kind, or an unsupported kind of value
│   └── UnsupportedOpError        an ML Program with ops that are not implemented here
├── InputError                    wrong names, shapes or types given to the model
└── ExecutionError                an op failed, or its result has another shape than declared
"""

from support.errors import UserError


class CoreMLRuntimeError(UserError):
    """Base class of every error that this room raises on purpose.

    Its message is one line, whatever names a file holds: control characters are escaped.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in message))


class PackageError(CoreMLRuntimeError):
    """The package is missing, malformed or truncated."""


class PackagePathError(PackageError):
    """A path in the package leads out of it."""


class WeightsError(PackageError):
    """The weight file does not hold what the program declares."""


class ProgramError(CoreMLRuntimeError):
    """The ML Program is malformed."""


class UnsupportedModelError(CoreMLRuntimeError):
    """The model is valid but not an ML Program, or it uses a kind of value not supported here."""


class UnsupportedOpError(UnsupportedModelError):
    """The program uses ops that the registry does not have; the message names them."""


class InputError(CoreMLRuntimeError):
    """The inputs have wrong names, shapes or types; the message says what was expected."""


class ExecutionError(CoreMLRuntimeError):
    """An op failed while the program ran; the message names it."""
