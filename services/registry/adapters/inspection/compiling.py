"""The model's faster twin, made within the child."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from services.registry.adapters.inspection.messages import Compilation, Compiling, Figures
from understudy.contracts.signature import Signature
from understudy.inference.compiling import CompiledModel, NotCompiled, compile_model
from understudy.inference.onnx_model import OnnxModelRunner
from understudy.inference.rows import Rows

_LONGEST_REASON: Final = 1_000

Compiler = Callable[[Any, Signature, Rows], CompiledModel | NotCompiled]


def compilation(
    task: Compiling,
    model: Any,
    signature: Signature,
    sample: Rows,
    compiler: Compiler = compile_model,
) -> Compilation:
    """Write the compiled model to the task's output, or say why there is none."""
    if isinstance(model, OnnxModelRunner):
        return Compilation(reason="the artifact is ONNX already")
    try:
        made = compiler(model, signature, sample)
    except MemoryError:
        return Compilation(reason="compiling takes more memory than it may")
    except Exception as error:  # noqa: BLE001 - foreign models and converters: any failure is a reason
        reason = f"compiling failed ({type(error).__name__}: {error})"
        return Compilation(reason=reason[:_LONGEST_REASON])
    if isinstance(made, NotCompiled):
        return Compilation(reason=made.reason[:_LONGEST_REASON])
    if len(made.content) > task.most_bytes:
        return Compilation(reason="what was compiled is larger than an artifact may be")
    Path(task.output).write_bytes(made.content)
    return Compilation(figures=_figures(made))


def _figures(made: CompiledModel) -> Figures:
    return Figures(
        kind=made.kind,
        precision=made.precision,
        rows=made.rows,
        difference=made.difference,
        tolerance=made.tolerance,
        speedup=made.speedup,
    )
