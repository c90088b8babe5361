"""The levels of an evaluation, one file each, from the file on disk to a set of avatars."""
