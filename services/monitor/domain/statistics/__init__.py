"""Statistics that know nothing of deployments: numbers in, numbers out."""
