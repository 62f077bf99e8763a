"""Challengers at work, each in a child process of its own that can do no harm beyond itself.

`responder` is what the challenger process holds for a version, `process` one life of its child;
`child` is what runs there, and `frames` what both say to each other.
"""
