"""What every room uses and none owns: commands, errors, atomic writes, pages, JSON, pictures.

It imports nothing of this project. Import its modules by name, for example
`from support.errors import UserError`: each is small, and heavy libraries stay where they are used.
"""
