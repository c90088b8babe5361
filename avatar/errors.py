"""What can go wrong between selfie files and avatar files.

AvatarError (UserError)
├── SelfieError                  about the selfies; the message names the file
│   ├── SelfieCountError         none, or more than the model takes
│   ├── SelfieNotFoundError      no such file, not a plain file, or not readable
│   ├── NotAPictureError         not a PNG, JPEG, WebP or HEIC picture
│   ├── BrokenPictureError       begins like a picture, but is cut short or damaged
│   ├── PictureTooLargeError     more pixels than a phone takes: perhaps a decompression bomb
│   └── PictureTooSmallError     too few pixels to tell a face by
├── StepsError                   the model was made for other numbers of steps
├── SamplerError                 the sampler's constants in a manifest are none
├── StylesError                  styles.json cannot be read, or names no styles a model could have
├── OutputError                  the avatar cannot be written under that name
└── CheckpointError              no checkpoint in that folder, or not one of an avatar model

`avatar.people.errors` has the errors of made-up people and of styles.
"""

from __future__ import annotations

from support.errors import UserError


class AvatarError(UserError):
    """Any error of this room that its user can cause; the message is one line for that user."""


class SelfieError(AvatarError):
    """Something is wrong with the selfies."""


class SelfieCountError(SelfieError):
    """No selfie, or more than the model takes."""


class SelfieNotFoundError(SelfieError):
    """There is no such file, it is not a plain file, or it may not be read."""


class NotAPictureError(SelfieError):
    """The file is not a PNG, JPEG, WebP or HEIC picture."""


class BrokenPictureError(SelfieError):
    """The file begins like a picture, but is cut short or damaged."""


class PictureTooLargeError(SelfieError):
    """The picture has more pixels than a phone takes: perhaps a decompression bomb."""


class PictureTooSmallError(SelfieError):
    """The picture has too few pixels to tell a face by."""


class StepsError(AvatarError):
    """The model was made for other numbers of steps."""


class SamplerError(AvatarError):
    """What a manifest gives for the sampler's constants lacks something, or is no number."""


class StylesError(AvatarError):
    """A `styles.json` cannot be read, or lacks what every style has."""


class OutputError(AvatarError):
    """The avatar cannot be written under that name."""


class CheckpointError(AvatarError):
    """The folder holds no checkpoint, or not one of an avatar model."""
