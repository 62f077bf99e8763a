"""What a child makes after its verdict, kept as artifacts; whatever happens, the verdict stands."""

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from services.registry.adapters.artifact_files import ArtifactFiles
from services.registry.adapters.inspection.messages import Compilation, Measurement
from services.registry.adapters.inspection.process import ChildEndedError, ChildProcess
from services.registry.domain.versions import Baseline, Compiled, NotCompiled, NotMeasured

Said = TypeVar("Said", bound=BaseModel)

MEASURING_GRACE_SECONDS: Final = 5.0
"""The child keeps to its time by itself; beyond this it hangs where nothing can interrupt it."""


class ChildLostError(Exception):
    """Nothing more is to be expected of the child. The message says why."""


@dataclass(frozen=True, slots=True)
class Product:
    """One thing that a child makes."""

    doing: str
    """Measuring, compiling."""
    file: Path
    seconds: float


class Products:
    """Hears one child."""

    def __init__(self, child: ChildProcess, files: ArtifactFiles) -> None:
        self._child = child
        self._files = files

    def baseline(self, product: Product) -> Baseline | NotMeasured:
        """Raises ChildLostError."""
        said = self._said(product, Measurement, MEASURING_GRACE_SECONDS)
        if said is None:
            return NotMeasured("what was measured could not be read")
        if said.figures is None:
            return NotMeasured(said.reason)
        digest = self._kept(product)
        if digest is None:
            return NotMeasured("what was measured could not be stored")
        return Baseline(file=digest, **dict(said.figures))

    def compiled(self, product: Product) -> Compiled | NotCompiled:
        """Raises ChildLostError."""
        said = self._said(product, Compilation)
        if said is None:
            return NotCompiled("what was compiled could not be read")
        if said.figures is None:
            return NotCompiled(said.reason)
        digest = self._kept(product)
        if digest is None:
            return NotCompiled("what was compiled could not be stored")
        return Compiled(artifact=digest, **dict(said.figures))

    def _said(self, product: Product, kind: type[Said], grace: float = 0.0) -> Said | None:
        try:
            return kind.model_validate_json(self._child.line(product.seconds + grace))
        except ValidationError as error:
            _warn(product, error)
            return None
        except TimeoutError as error:
            raise ChildLostError(
                f"{product.doing} took longer than {product.seconds:g} s"
            ) from error
        except ChildEndedError as ended:
            raise ChildLostError(_ending(product, ended.status)) from ended

    def _kept(self, product: Product) -> str | None:
        try:
            return self._files.keep(product.file)
        except OSError as error:
            _warn(product, error)
            return None


def _ending(product: Product, status: int) -> str:
    if status == -signal.SIGXCPU:
        return f"{product.doing} took more than {product.seconds:g} s of the processor's time"
    how = f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
    return f"{product.doing} broke down ({how})"


def _warn(product: Product, error: Exception) -> None:
    structlog.stdlib.get_logger().warning(
        "product_lost", doing=product.doing, error=type(error).__name__
    )
