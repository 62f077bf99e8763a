"""Programs that ask one deployment, to be copied and run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.registry.operations import Reached
from services.registry.pages.literals import Row, json_row, python_row, shell, text
from understudy.contracts.vocabulary import AccessLevel
from understudy.describing import Described
from understudy.describing.schemas import example_row

KEY: Final = "YOUR_KEY"
"""What stands for a key that the reader has yet to make."""
KEY_ID: Final = "YOUR_KEY_ID"


@dataclass(frozen=True, slots=True)
class Snippet:
    """One program."""

    id: str
    title: str
    needs: str
    """What is to be installed, or how it is run."""
    code: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What snippets are written from."""

    described: Described
    reached: Reached
    key: str = KEY
    key_id: str = KEY_ID

    @property
    def name(self) -> str:
        """The deployment's."""
        return self.described.name

    @property
    def url(self) -> str:
        """Where rows are sent."""
        return f"{self.reached.serving}/v1/deployments/{self.name}/predict"

    @property
    def row(self) -> Row:
        """One that is answered."""
        return example_row(self.described)

    @property
    def keyed(self) -> bool:
        """Whether a key is shown: not to the public, unless there is one."""
        return self.described.access is not AccessLevel.PUBLIC or self.key != KEY


def snippets(asked: Asked) -> Sequence[Snippet]:
    """Plain JSON, in the languages that most callers write."""
    return (
        Snippet("curl", "curl", "In a shell.", _curl(asked)),
        Snippet("python", "Python", "`pip install httpx`", _python(asked)),
        Snippet(
            "client",
            "Python client",
            "With the package `understudy`: answers and refusals are typed.",
            _client(asked),
        ),
        Snippet(
            "javascript",
            "JavaScript",
            "A module (`.mjs`) for Node 18 or later. Keep keys out of pages that others open.",
            _javascript(asked),
        ),
    )


def _curl(asked: Asked) -> str:
    lines = [f"curl {shell(asked.url)}"]
    if asked.keyed:
        lines.append(f"  --header {shell(f'Authorization: Bearer {asked.key}')}")
    lines.append("  --header 'Content-Type: application/json'")
    lines.append(f"  --data {shell(json_row(asked.row, '  '))}")
    return " \\\n".join(lines) + "\n"


def _python(asked: Asked) -> str:
    authorization = text(f"Bearer {asked.key}")
    headers = f'    headers={{"Authorization": {authorization}}},\n' if asked.keyed else ""
    return (
        "import httpx\n\n"
        f"row = {python_row(asked.row)}\n"
        "answer = httpx.post(\n"
        f"    {text(asked.url)},\n"
        f"{headers}"
        "    json=row,\n"
        ")\n"
        "answer.raise_for_status()\n"
        'print(answer.json()["prediction"])\n'
    )


def _client(asked: Asked) -> str:
    key = text(asked.key) if asked.keyed else "None"
    return (
        "from understudy.client import ServingClient\n\n"
        f"row = {python_row(asked.row)}\n"
        f"with ServingClient({text(asked.reached.serving)}, {key}) as serving:\n"
        f"    answer = serving.predict({text(asked.name)}, row)\n"
        "print(answer.prediction)\n"
    )


def _javascript(asked: Asked) -> str:
    authorization = text(f"Bearer {asked.key}")
    header = f'    "Authorization": {authorization},\n' if asked.keyed else ""
    return (
        f"const row = {json_row(asked.row)};\n"
        f"const answer = await fetch({text(asked.url)}, {{\n"
        '  method: "POST",\n'
        "  headers: {\n"
        f"{header}"
        '    "Content-Type": "application/json",\n'
        "  },\n"
        "  body: JSON.stringify(row),\n"
        "});\n"
        "if (!answer.ok) throw new Error(await answer.text());\n"
        "console.log((await answer.json()).prediction);\n"
    )
