"""The pages for people: a form for each deployment, served as plain HTML that works without script.

`form` answers requests; `fields` and `results` say what is shown; `documents` renders it.
"""

from services.serving.pages.form import Operations, routes

__all__ = ["Operations", "routes"]
