"""The drift detector: false alarms, delays, rivals side by side, and where it is wrong."""
