"""Messages of the protocol: `open_inference.proto`, and what `make proto` makes of it."""
