"""Projects and models."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.registry.api.edge import Admin, Asked, PathName, Reader, Registrar, Verbs, page_of
from services.registry.api.views import model_view, project_view
from understudy.contracts.registry import ModelRequest, ModelView, Page, ProjectRequest, ProjectView

router = APIRouter(prefix="/v1")


@router.post("/projects", status_code=201)
def make_project(caller: Admin, verbs: Verbs, body: ProjectRequest) -> ProjectView:
    """Make a project."""
    return project_view(verbs.catalogue.make_project(caller, body.name, body.description))


@router.get("/projects")
def list_projects(
    caller: Reader, verbs: Verbs, asked: Asked, request: Request, response: Response
) -> Page[ProjectView]:
    """Projects by name."""
    return page_of(verbs.catalogue.projects(caller, asked), project_view, request, response)


@router.post("/models", status_code=201)
def make_model(caller: Registrar, verbs: Verbs, body: ModelRequest) -> ModelView:
    """Make a model."""
    made = verbs.catalogue.make_model(caller, body.name, body.project, body.description)
    return model_view(made)


@router.get("/models")
def list_models(
    caller: Reader, verbs: Verbs, asked: Asked, request: Request, response: Response
) -> Page[ModelView]:
    """Models by name."""
    return page_of(verbs.catalogue.models(caller, asked), model_view, request, response)


@router.get("/models/{model}")
def show_model(caller: Reader, verbs: Verbs, model: PathName) -> ModelView:
    """One model."""
    return model_view(verbs.catalogue.model(caller, model))
