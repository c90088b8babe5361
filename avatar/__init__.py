"""Everything that is about avatars: selfies of one person come in, profile pictures go out.

`model` holds the networks and the sampler, `selfies` turns picture files into the model's input,
`people` makes up people with selfies and drawings, and `judge` scores avatars. Beside them lie the
styles that a checkpoint knows (`styles_file`), the writing of pictures (`saving`), the label that
says they were made by AI (`ai_label`), and the trained weights that ship (`shipped`).
"""
