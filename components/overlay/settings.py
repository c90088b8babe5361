"""Settings of a checkpoint's scheduler that a user may correct."""

from __future__ import annotations

from components.declared import SCHEDULER_CONFIG
from components.overlay.folder import CheckpointFolder


def set_prediction(folder: CheckpointFolder, prediction: str) -> None:
    """Make a checkpoint's scheduler take what its UNet gives for a kind of prediction.

    Args:
        folder: The checkpoint.
        prediction: `epsilon` or `v_prediction`.

    Raises:
        OverlayError: The checkpoint has no scheduler.
    """
    folder.part("scheduler")
    config = folder.config("scheduler", SCHEDULER_CONFIG)
    folder.set_config("scheduler", {**config, "prediction_type": prediction}, SCHEDULER_CONFIG)
