"""What is shared: contracts, client, runtime, launcher and command line. Knows no service."""
