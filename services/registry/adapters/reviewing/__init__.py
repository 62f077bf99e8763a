"""Reviews, made by a child process that has limits and no secrets.

`reviewer` is the parent's side, `child` the other one, `messages` what they say to each other;
every other module makes one part of a review from a `Subject`.
"""
