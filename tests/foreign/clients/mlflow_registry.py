"""MLflow's own client of model registries, and its artifact repositories."""

import hashlib
import json
import os
import sys
from pathlib import Path

import mlflow
import mlflow.sklearn
import numpy as np
import pandas as pd
import skops.io
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

NAME = "credit"


def aliases(client):
    return {name: int(number) for name, number in client.get_registered_model(NAME).aliases.items()}


def refused(verb, *arguments, **options):
    try:
        verb(*arguments, **options)
    except MlflowException as error:
        told = getattr(error, "json", {})
        return [error.error_code, told.get("code"), bool(told.get("request_id"))]
    return None


def as_holder(key):
    os.environ["MLFLOW_TRACKING_TOKEN"] = key


def rows():
    draw = np.random.default_rng(1)
    found = pd.DataFrame({"age": draw.integers(18, 99, 300), "income": draw.gamma(2, 2e4, 300)})
    return found, np.where(found["income"] < 3e4, "yes", "no")


def saved(folder, **options):
    """A model as MLflow saves it, and its sample beside it."""
    frame, answers = rows()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, answers)
    mlflow.sklearn.save_model(
        model,
        folder,
        signature=infer_signature(frame, model.predict(frame)),
        pip_requirements=["scikit-learn", "skops"],
        **options,
    )
    frame.assign(defaults=answers).to_parquet(Path(folder) / "reference.parquet")
    return model


def files_in(folder):
    return sorted(file.name for file in Path(folder).iterdir())


def versions_of(found):
    return [int(one.version) for one in found]


def register(told):
    client, folder = MlflowClient(), Path(told["folder"]) / "model"
    made = client.create_registered_model(NAME, {"team": "a"}, "who defaults")
    again = refused(client.create_registered_model, NAME)
    saved(folder)
    source = "mlflow-artifacts:/runs/1/model"
    get_artifact_repository(source).log_artifacts(str(folder))
    listed = [file.path for file in get_artifact_repository(source).list_artifacts()]
    first = client.create_model_version(
        NAME, source, run_id="abc", tags={"k": "v"}, description="first"
    )
    second = mlflow.register_model(source, NAME)
    pickled = Path(told["folder"]) / "pickled"
    saved(pickled, serialization_format="pickle")
    get_artifact_repository("mlflow-artifacts:/runs/2/model").log_artifacts(str(pickled))
    refusals = {
        "again": again,
        "pickled": refused(
            client.create_model_version, NAME, "mlflow-artifacts:/runs/2/model", None
        ),
        "elsewhere": refused(client.create_model_version, NAME, "s3://bucket/model"),
        "missing": refused(client.get_registered_model, "absent"),
        "renamed": refused(client.rename_registered_model, NAME, "other"),
        "deleted": refused(client.delete_registered_model, NAME),
        "version deleted": refused(client.delete_model_version, NAME, "1"),
        "staged": refused(client.transition_model_version_stage, NAME, "1", "Production"),
        "filtered": refused(client.search_model_versions, "price = 1"),
        "alias": refused(client.set_registered_model_alias, NAME, "production", "1"),
        "pending": refused(client.set_registered_model_alias, NAME, "champion", "1"),
        "run": refused(client.create_experiment, "e"),
    }
    client.set_registered_model_tag(NAME, "owner", "me")
    client.set_model_version_tag(NAME, "1", "stage", "x")
    client.set_model_version_tag(NAME, "1", "gone", "x")
    client.delete_model_version_tag(NAME, "1", "gone")
    client.delete_registered_model_tag(NAME, "team")
    client.update_model_version(NAME, "1", "better said")
    version = client.get_model_version(NAME, "1")
    pages = client.search_model_versions(f"name='{NAME}'", max_results=1)
    following = client.search_model_versions(
        f"name='{NAME}'", max_results=1, page_token=pages.token
    )
    return {
        "model": [made.name, made.description, made.tags],
        "listed": sorted(listed),
        "first": [int(first.version), first.status, first.run_id, first.description, first.tags],
        "second": int(second.version),
        "refusals": refusals,
        "tags": client.get_registered_model(NAME).tags,
        "version": [version.tags, version.description, version.current_stage],
        "pages": [versions_of(pages), versions_of(following), following.token],
        "found": {
            "models": [one.name for one in client.search_registered_models("name ILIKE 'CRED%'")],
            "none": [one.name for one in client.search_registered_models("name = 'absent'")],
            "tagged": versions_of(client.search_model_versions("tags.stage = 'x'")),
            "of a run": versions_of(client.search_model_versions("run_id = 'abc'")),
            "ordered": versions_of(client.search_model_versions(order_by=["version_number ASC"])),
        },
        "latest": versions_of(client.get_latest_versions(NAME)),
        "sha256": hashlib.sha256((folder / "model.skops").read_bytes()).hexdigest(),
    }


def release(told):
    client, frame = MlflowClient(), rows()[0]
    before = aliases(client)
    client.set_registered_model_alias(NAME, "challenger", "2")
    beside = aliases(client)
    client.set_registered_model_alias(NAME, "champion", "2")
    promoted = aliases(client)
    client.delete_registered_model_alias(NAME, "challenger")
    by_alias = client.get_model_version_by_alias(NAME, "champion")
    kept = refused(client.delete_registered_model_alias, NAME, "champion")
    place = mlflow.artifacts.download_artifacts(f"models:/{NAME}@champion")
    content = (Path(place) / "model.skops").read_bytes()
    expected = saved(Path(told["folder"]) / "again").predict(frame).tolist()
    loaded = skops.io.load(Path(place) / "model.skops")
    flavoured = mlflow.sklearn.load_model(f"models:/{NAME}/1")
    as_holder(told["viewer"])
    viewer = {
        "sees": client.get_registered_model(NAME).name,
        "downloads": files_in(mlflow.artifacts.download_artifacts(f"models:/{NAME}/1")),
        "tags": refused(client.set_registered_model_tag, NAME, "a", "b"),
        "alias": refused(client.set_registered_model_alias, NAME, "champion", "1"),
        "makes": refused(client.create_registered_model, "other"),
    }
    as_holder("us_absent01_aaaaaaaaaaaaaaaaaaaaaaaaaaaa")
    return {
        "aliases": [before, beside, promoted],
        "by alias": [int(by_alias.version), list(by_alias.aliases)],
        "kept": kept,
        "sha256": hashlib.sha256(content).hexdigest(),
        "loaded": loaded.predict(frame).tolist() == expected,
        "flavoured": flavoured.predict(frame).tolist() == expected,
        "viewer": viewer,
        "stranger": refused(client.get_registered_model, NAME),
    }


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    # What MLflow prints must not get into the answer.
    answer, sys.stdout = sys.stdout, sys.stderr
    as_holder(asked["key"])
    mlflow.set_tracking_uri(asked["url"])
    found = {"register": register, "release": release}[asked["step"]](asked)
    json.dump(found, answer)
