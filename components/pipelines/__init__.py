"""The kinds of pipelines, one file each; `components.registry` finds them by their class."""
