"""The OpenAPI of a service says what is refused, and how, and who needs a key."""

from fastapi import FastAPI
from pydantic import BaseModel

from understudy.runtime.describing import described


class Thing(BaseModel):
    name: str


def api() -> FastAPI:
    made = FastAPI(title="Things", openapi_url=None)

    @made.post("/things", status_code=201)
    def make(thing: Thing) -> Thing:
        return thing

    @made.get("/livez")
    def live() -> dict[str, bool]:
        return {"live": True}

    return made


def test_refusals_are_problems() -> None:
    told = described(api(), {"/livez"})
    answers = told["paths"]["/things"]["post"]["responses"]
    assert set(answers) == {"201", "4XX", "503"}
    assert set(answers["4XX"]["content"]) == {"application/problem+json"}
    assert set(told["components"]["schemas"]) == {"Thing", "Problem", "FieldProblem"}


def test_all_but_what_is_open_needs_a_key() -> None:
    paths = described(api(), {"/livez"})["paths"]
    assert paths["/things"]["post"]["security"] == [{"bearer": []}, {"key": []}]
    assert paths["/livez"]["get"]["security"] == []


def test_it_is_the_same_each_time() -> None:
    made = api()
    assert described(made, ()) == described(made, ())
