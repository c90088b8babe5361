"""How a component is expressed: attention for the Neural Engine, a network cut into chunks.

A component comes in and one or several come out that compute the same. Parameters keep their names,
so that packed weights still fit (`packed`). The reference stays the component as it was.
"""
