"""Drawings as SVG, made by the server: no script, no style attribute (the policy of pages forbids it), classes only.

Each has a title, which says in words what is seen; the figures themselves stand in a table beside it.
"""
