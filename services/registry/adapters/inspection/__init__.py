"""Inspection of files that nobody trusts yet: by a child process that has limits and no secrets.

When the model is fit, the same child compiles it. `inspector` is the parent's side, `child` the
other one, `messages` what they say to each other.
"""
