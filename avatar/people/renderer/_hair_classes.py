"""What each hair class is in numbers of the head's description."""

from __future__ import annotations

from collections.abc import Mapping

# fmt: off
NO_HAIR: Mapping[str, float] = {
    "hair_form": 0.0, "cap_y": 0.27, "cap_z": 0.15, "hairline": 0.03, "fringe": 0.0,
    "fringe_width": 0.45, "fringe_x": 0.0, "fringe_jag": 0.0, "sideburns": 0.0, "parting": 0.0,
    "parting_x": 0.0, "parting_show": 0.0, "side_volume": 0.0, "strand_depth": 0.0,
    "curl_depth": 0.0, "curl_frequency": 3.0, "curled": 0.0, "plaited": 0.0, "hair_length": 1.0,
    "curtain_out": 0.05, "curtain_radius": 0.20, "wave_depth": 0.0, "wave_frequency": 1.5,
    "knot_x": 0.0, "knot_y": 1.15, "knot_radius": 0.34, "row_frequency": 3.6, "cropped": 0.0,
    "hair_shine": 0.20, "thickness": 0.03, "top": 1.4, "bound_y": 0.05, "bound_radius": 1.24,
}

# What each class changes; "name+" adds that much at full hair volume.
HAIR_CLASSES: Mapping[str, Mapping[str, float]] = {
    "bald": {},
    "buzz": {"cropped": 0.92, "sideburns": 0.6, "hairline": 0.05},
    "short_straight": {
        "hair_form": 1, "thickness": 0.075, "thickness+": 0.06, "fringe": 0.17, "fringe+": 0.10,
        "fringe_width": 0.66, "fringe_jag": 0.055, "sideburns": 1.0, "strand_depth": 0.022,
    },
    "short_curly": {
        "hair_form": 1, "thickness": 0.13, "thickness+": 0.07, "fringe": 0.06,
        "fringe_width": 0.7, "curl_depth": 0.062, "curl_frequency": 2.5, "curled": 1.0,
        "sideburns": 0.9, "top": 1.5, "bound_radius": 1.32,
    },
    "side_part": {
        "hair_form": 1, "thickness": 0.11, "thickness+": 0.06, "fringe": 0.22, "fringe_x": -0.30,
        "fringe_width": 0.62, "parting": 0.09, "parting_x": 0.30, "parting_show": 1.0,
        "side_volume": -0.38, "sideburns": 1.0, "strand_depth": 0.014, "hairline": 0.06,
    },
    "afro": {
        "hair_form": 1, "thickness": 0.36, "thickness+": 0.18, "cap_y": 0.33, "cap_z": 0.20,
        "hairline": 0.09, "curl_depth": 0.030, "curl_frequency": 4.6, "curled": 1.0,
        "sideburns": 0.4, "top": 1.75, "bound_radius": 1.62, "bound_y": 0.22,
    },
    "bob": {
        "hair_form": 2, "thickness": 0.10, "thickness+": 0.05, "hair_length": 0.70,
        "fringe": 0.38, "fringe_width": 0.95, "curtain_out": 0.03, "curtain_radius": 0.215,
        "strand_depth": 0.010, "bound_y": -0.02, "bound_radius": 1.32,
    },
    "long_straight": {
        "hair_form": 2, "thickness": 0.07, "thickness+": 0.04, "hair_length": 1.42,
        "parting": 0.08, "parting_show": 1.0, "hairline": 0.02, "curtain_out": 0.02,
        "curtain_radius": 0.17, "strand_depth": 0.012, "bound_y": -0.25, "bound_radius": 1.55,
    },
    "long_wavy": {
        "hair_form": 2, "thickness": 0.12, "thickness+": 0.06, "hair_length": 1.30,
        "parting": 0.07, "parting_show": 0.6, "hairline": 0.03, "curtain_out": 0.20,
        "curtain_radius": 0.235, "wave_depth": 0.075, "wave_frequency": 1.25,
        "strand_depth": 0.020, "curl_depth": 0.022, "curl_frequency": 1.8, "bound_y": -0.22,
        "bound_radius": 1.62,
    },
    "bun": {
        "hair_form": 3, "thickness": 0.030, "thickness+": 0.02, "hairline": 0.05,
        "strand_depth": 0.008, "knot_radius": 0.32, "knot_radius+": 0.10, "sideburns": 0.3,
        "top": 1.72, "bound_radius": 1.50, "bound_y": 0.25,
    },
    "braids": {
        "hair_form": 4, "thickness": 0.045, "thickness+": 0.02, "hair_length": 0.75,
        "hair_length+": 0.2, "plaited": 1.0, "hairline": 0.06, "bound_y": -0.12,
        "bound_radius": 1.45,
    },
    "headscarf": {"hair_form": 5, "top": 1.45, "bound_y": -0.12, "bound_radius": 1.40},
}
# fmt: on
