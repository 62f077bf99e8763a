"""From cells to drift: what is watched, the evidence now, and how it is told."""
