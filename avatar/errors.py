"""What can go wrong between selfie files and avatar files.

AvatarError (UserError)
├── SelfieError                  a selfie cannot be used; the message names the file
│   ├── SelfieCountError         none, or more than the model takes
│   ├── SelfieNotFoundError      no such file, not a plain file, or not readable
│   ├── NotAPictureError         not a PNG, JPEG, WebP or HEIC picture
│   ├── BrokenPictureError       begins like a picture, but is cut short or damaged
│   ├── PictureTooLargeError     more pixels than a phone's camera has: perhaps a decompression bomb
│   └── PictureTooSmallError     too few pixels to recognise a face
├── StepsError                   the model was not trained for that number of steps
├── SamplerError                 the sampler's constants in a manifest are incomplete or malformed
├── StylesError                  styles.json cannot be read, or an entry of it is incomplete
├── OutputError                  the avatar cannot be written under that name
└── CheckpointError              no checkpoint in that folder, or not one of an avatar model

`avatar.people.errors` has the errors of made-up people and of styles.
"""

from __future__ import annotations

from support.errors import UserError


class AvatarError(UserError):
    """Base class of this room's errors; the message is one line for the user."""


class SelfieError(AvatarError):
    """A selfie cannot be used."""


class SelfieCountError(SelfieError):
    """No selfie, or more than the model takes."""


class SelfieNotFoundError(SelfieError):
    """There is no such file, it is not a plain file, or it may not be read."""


class NotAPictureError(SelfieError):
    """The file is not a PNG, JPEG, WebP or HEIC picture."""


class BrokenPictureError(SelfieError):
    """The file begins like a picture, but is cut short or damaged."""


class PictureTooLargeError(SelfieError):
    """The picture has more pixels than a phone's camera: perhaps a decompression bomb."""


class PictureTooSmallError(SelfieError):
    """The picture has too few pixels to recognise a face."""


class StepsError(AvatarError):
    """The model was not trained for that number of steps."""


class SamplerError(AvatarError):
    """The sampler's constants in a manifest are incomplete or malformed."""


class StylesError(AvatarError):
    """A `styles.json` cannot be read, or an entry of it is incomplete."""


class OutputError(AvatarError):
    """The avatar cannot be written under that name."""


class CheckpointError(AvatarError):
    """The folder holds no checkpoint, or not one of an avatar model."""
