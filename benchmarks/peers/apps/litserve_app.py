"""A LitAPI as LitServe's documentation writes it, plain and batching."""

import os
import sys

import joblib
import litserve
import numpy as np


class Classifier(litserve.LitAPI):
    """One call of the model for each request."""

    def setup(self, _device: str) -> None:
        """Read the model."""
        self.model = joblib.load(os.environ["BENCH_MODEL"])

    def decode_request(self, request: dict) -> np.ndarray:
        """The rows of one request."""
        return np.asarray(request["rows"], dtype=np.float64)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Both classes' probabilities of each row."""
        return self.model.predict_proba(rows)

    def encode_response(self, output: np.ndarray) -> dict:
        """The answer's body."""
        return {"probabilities": output.tolist()}


class Batching(Classifier):
    """One call of the model for the requests that have gathered."""

    def batch(self, inputs: list[np.ndarray]) -> list[np.ndarray]:
        """Requests may hold several rows."""
        return inputs

    def predict(self, requests: list[np.ndarray]) -> list[np.ndarray]:
        """Both classes' probabilities of each row, by request."""
        answers = self.model.predict_proba(np.concatenate(requests))
        return np.split(answers, np.cumsum([len(rows) for rows in requests])[:-1])

    def unbatch(self, output: list[np.ndarray]) -> list[np.ndarray]:
        """They are by request already."""
        return output


if __name__ == "__main__":
    batching = sys.argv[1:] == ["batching"]
    api = Batching(max_batch_size=64, batch_timeout=0.001) if batching else Classifier()
    server = litserve.LitServer(api, accelerator="cpu", devices=1, workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=int(os.environ["BENCH_PORT"]),
        num_api_servers=1,
        log_level="warning",
        access_log=False,
        generate_client_file=False,
    )
