"""A custom model as KServe's documentation writes it, over the V1 protocol."""

import os

import joblib
import kserve


class Classifier(kserve.Model):
    """One call of the model for each request."""

    def load(self) -> bool:
        """Read the model."""
        self.model = joblib.load(os.environ["BENCH_MODEL"])
        self.ready = True
        return self.ready

    def predict(self, payload: dict, _headers: dict | None = None) -> dict:
        """Both classes' probabilities of each instance."""
        return {"predictions": self.model.predict_proba(payload["instances"]).tolist()}


if __name__ == "__main__":
    classifier = Classifier("model")
    classifier.load()
    port = int(os.environ["BENCH_PORT"])
    server = kserve.ModelServer(
        http_port=port, workers=1, enable_grpc=False, enable_latency_logging=False
    )
    server.start([classifier])
