"""Models at work: rows in, figures out, as the registry tries them and serving asks them."""

import os

# ONNX Runtime reports on its use to its maker unless this is set before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
