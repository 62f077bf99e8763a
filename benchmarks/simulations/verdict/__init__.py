"""How often verdicts are wrong, how soon they come, and when their promises break."""
