"""Everything this room raises on purpose.

CoreMLRuntimeError                a UserError: whoever passed the file or the inputs can mend it
├── PackageError                  the .mlpackage cannot be believed: missing, malformed, truncated
│   ├── PackagePathError          a path in it leaves the package
│   └── WeightsError              the weight file does not hold what the program claims
├── ProgramError                  the program inside is malformed: unknown names, types, cycles
├── UnsupportedModelError         a Core ML model, but not an ML Program (or one kind of value)
│   └── UnsupportedOpError        an ML Program with ops this room does not know
├── InputError                    wrong names, shapes or types given to the model
└── ExecutionError                an op failed, or gave another shape than the program declares
"""

from support.errors import UserError


class CoreMLRuntimeError(UserError):
    """Base of every error this room raises on purpose.

    Its message is one line, whatever names a file holds: control characters are shown as escapes.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in message))


class PackageError(CoreMLRuntimeError):
    """The package is missing, malformed or truncated."""


class PackagePathError(PackageError):
    """A path in the package leaves it."""


class WeightsError(PackageError):
    """The weight file does not hold what the program claims."""


class ProgramError(CoreMLRuntimeError):
    """The ML Program is malformed."""


class UnsupportedModelError(CoreMLRuntimeError):
    """A valid Core ML model that is no ML Program, or uses a kind of value not known here."""


class UnsupportedOpError(UnsupportedModelError):
    """The program uses ops that the registry does not have; the message names them."""


class InputError(CoreMLRuntimeError):
    """Inputs with wrong names, shapes or types; the message says what was expected."""


class ExecutionError(CoreMLRuntimeError):
    """An op failed while running; the message names it."""
