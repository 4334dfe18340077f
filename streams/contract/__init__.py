"""The language-neutral contract of the public topics: JSON Schema and AsyncAPI, made from the typed models.

`schema` makes them, `compat` says what a change breaks, `folder` keeps `schemas/` equal to the models.
"""
