"""Credit risk: simulated applicants, the models that judge them, and how life may change."""
