"""The numbers that describe one picture: what the description reads as `p.name`.

`_person.py` computes those that follow from who it is, `_scene.py` the rest. Colours are linear
light, lengths in the head's space (see `head`), inverse radii 1 / length.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Value = Any
"""A number of the description: a float, a float32 in compiled code, a float32 tensor."""


class Parameters(NamedTuple):
    """One number of each name: a float, or one a picture in tensors of shape (pictures, 1)."""

    # Camera: its position, its axes as columns of a rotation, and its focal length in half widths
    # of the picture; the ball that contains all hair; how much of a measured distance a ray goes.
    eye_at_x: Value
    eye_at_y: Value
    eye_at_z: Value
    r00: Value
    r01: Value
    r02: Value
    r10: Value
    r11: Value
    r12: Value
    r20: Value
    r21: Value
    r22: Value
    focal: Value
    bound_y: Value
    bound_radius: Value
    step_scale: Value

    # Light: the direction towards the key light, the camera's up, and the colours of key and sky.
    key_x: Value
    key_y: Value
    key_z: Value
    key_r: Value
    key_g: Value
    key_b: Value
    up_x: Value
    up_y: Value
    up_z: Value
    sky_r: Value
    sky_g: Value
    sky_b: Value

    # Head: proportions relative to the average head, jaw, chin, cheeks, ears, neck, shoulders.
    face_width: Value
    face_height: Value
    lower_width: Value
    jaw_inverse: Value
    chin_y: Value
    chin_z: Value
    chin_radius: Value
    cheek_radius: Value
    ear_size: Value
    neck_radius: Value
    shoulder_width: Value
    age: Value  # 0 young, 1 old

    # Nose, mouth, brows.
    nose_width: Value
    nose_length: Value
    nose_z: Value
    nose_bridge: Value
    mouth_width: Value
    lip_height: Value
    mouth_open: Value  # 0 closed, 1 wide open
    smile: Value
    brow_y: Value
    brow_thickness: Value
    brow_ridge: Value

    # Eyes: where, how large, where they look, and the two circles that bound the opening.
    eye_x: Value
    eye_radius: Value
    eye_tilt: Value
    gaze_x: Value
    gaze_y: Value
    upper_lid_y: Value
    upper_lid_radius: Value
    lower_lid_y: Value
    lower_lid_radius: Value

    # Skin and eyes: colours, and what shows on the skin, each in [0, 1].
    skin_r: Value
    skin_g: Value
    skin_b: Value
    lip_r: Value
    lip_g: Value
    lip_b: Value
    brow_r: Value
    brow_g: Value
    brow_b: Value
    iris_r: Value
    iris_g: Value
    iris_b: Value
    blush: Value
    freckles: Value

    # Facial hair: each kind 0 or 1, and how far it stands out.
    full_beard: Value
    goatee: Value
    moustache: Value
    stubble: Value
    beard_length: Value

    # Hair: 0 none, 1 cap, 2 long, 3 bun, 4 braids, 5 headscarf; then its shape, as in
    # `_hair_classes.py`.
    hair_form: Value
    cap_y: Value
    cap_z: Value
    cap_ix: Value
    cap_iy: Value
    cap_iz: Value
    hairline: Value
    fringe: Value
    fringe_width: Value
    fringe_x: Value
    fringe_jag: Value
    sideburns: Value
    parting: Value
    parting_x: Value
    parting_show: Value
    side_volume: Value
    strand_depth: Value
    curl_depth: Value
    curl_frequency: Value
    curled: Value
    plaited: Value
    hair_length: Value
    curtain_out: Value
    curtain_radius: Value
    wave_depth: Value
    wave_frequency: Value
    knot_x: Value
    knot_y: Value
    knot_radius: Value
    row_frequency: Value
    cropped: Value
    hair_shine: Value
    hair_r: Value
    hair_g: Value
    hair_b: Value

    # Headscarf and clothes: colours, neckline, collar and pattern.
    scarf_r: Value
    scarf_g: Value
    scarf_b: Value
    scarf_pattern: Value
    cloth_r: Value
    cloth_g: Value
    cloth_b: Value
    trim_r: Value
    trim_g: Value
    trim_b: Value
    neck_depth: Value
    neck_open: Value
    v_neck: Value
    straps: Value
    collar_y: Value
    collar_flat: Value
    collar_radius: Value
    collar_thickness: Value
    collar_gap: Value
    collar_second: Value
    hem: Value
    placket: Value
    knit_depth: Value
    pattern_stripes: Value
    pattern_checks: Value
    pattern_bars: Value
    pattern_blocks: Value
    pattern_scale: Value

    # Glasses and earrings.
    has_glasses: Value
    dark_lens: Value
    lens_square: Value
    lens_radius: Value
    rim_thickness: Value
    frame_r: Value
    frame_g: Value
    frame_b: Value
    has_earrings: Value
    earring_z: Value
    earring_drop: Value
    earring_is_drop: Value
    metal_r: Value
    metal_g: Value
    metal_b: Value
