"""Training: people and their drawings come in, checkpoints with model cards go out.

`data` holds the people to train on, `training` the loop that every network shares, `stages` one
file for each network that is trained, and `report` the comparison of teacher and student.
`run_folder` says what a run leaves on disk, and `publish` makes a checkpoint that ships.
"""
