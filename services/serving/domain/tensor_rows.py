"""From tensors to rows that a signature takes, and from answers back to tensors."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, Protocol, overload

from services.serving.domain.coercions import coerced
from services.serving.domain.columns import column_of
from services.serving.domain.errors import InvalidTensorsError
from services.serving.domain.tensors import INTEGERS, Datatype, Element, Tensor, TensorKind
from services.serving.domain.wording import SHOWN_CHOICES
from understudy.contracts.refusals import FieldError, json_pointer
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Label, Task, class_name
from understudy.describing.dialects import tensor_type

PREDICTION: Final = "prediction"
PROBABILITIES: Final = "probabilities"
_MOST_ERRORS: Final = 100
_MOST_NAMED: Final = 128
_FLAGS: Final[Mapping[object, bool]] = {0: False, 1: True}


@dataclass(frozen=True, slots=True)
class TensorRows(Sequence[Mapping[str, object]]):
    """Rows by columns; each is made when it is asked for, so that many cost nothing yet."""

    names: tuple[str, ...]
    columns: Sequence[Sequence[object]]
    tensors: Sequence[int]
    """Of each feature: the index of the tensor that has it."""
    width: int
    """Features in a row of the tensor: 1 where each has a tensor of its own."""

    def __len__(self) -> int:
        return len(self.columns[0])

    def __iter__(self) -> Iterator[Mapping[str, object]]:
        names = self.names
        for row in zip(*self.columns, strict=True):
            yield dict(zip(names, row, strict=True))

    @overload
    def __getitem__(self, index: int) -> Mapping[str, object]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Mapping[str, object]]: ...
    def __getitem__(self, index: int | slice) -> Any:
        """Return a row, or some."""
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        return {name: column[index] for name, column in zip(self.names, self.columns, strict=True)}

    def where(self, row: int, feature: str) -> tuple[int, int] | None:
        """Which tensor holds a value, and the value's place in it, row-major."""
        if feature not in self.names or not 0 <= row < len(self):
            return None
        position = self.names.index(feature)
        return self.tensors[position], row * self.width + (position if self.width > 1 else 0)


class Answered(Protocol):
    """What is told about one row: `operations.Answer`."""

    @property
    def prediction(self) -> Label:
        """The class, or the number."""

    @property
    def probabilities(self) -> Mapping[str, float] | None:
        """By the class's name."""

    @property
    def overridden(self) -> bool:
        """Whether a rule answered instead of the model."""


class Described(Protocol):
    """What is known of a deployment: `operations.Card`."""

    @property
    def signature(self) -> Signature:
        """What it takes and answers."""


def rows_of(tensors: Sequence[Tensor], signature: Signature) -> TensorRows:
    """Rows of one 2-D tensor, or of one tensor for each feature. Raises InvalidTensorsError.

    Whether values are legal is for the plan to say; here booleans that came as 0 and 1 become
    such, and of a 2-D tensor of BYTES the texts of numbers become numbers. A missing value is
    null, NaN, or an empty text where the feature is nullable.
    """
    names = signature.names
    if len(tensors) == 1 and _is_table(tensors[0], names):
        return _of_table(tensors[0], signature)
    _check_names(tensors, names)
    return _of_columns(tensors, signature)


def answer_tensors(answers: Sequence[Answered], card: Described) -> Sequence[Tensor]:
    """`prediction`, and of a classifier that has them, `probabilities`.

    Where a rule answered instead of the model there are no probabilities: they are missing values.
    """
    target, told = card.signature.target, [answer.prediction for answer in answers]
    # What a rule answers need not be one of the classes.
    datatype = _label_type(target, told)
    values: list[Element] = [*told]
    if datatype is Datatype.BYTES:
        values = [class_name(label) for label in told]
    found = [Tensor(PREDICTION, datatype, (len(told),), values)]
    likely = [answer.probabilities for answer in answers]
    if any(likely) or (target.classes and all(answer.overridden for answer in answers)):
        classes = [class_name(label) for label in target.classes]
        nothing = dict.fromkeys(classes)
        rows = [[(one or nothing)[name] for name in classes] for one in likely]
        shape = (len(told), len(classes))
        flat = [*chain.from_iterable(rows)]
        found.append(Tensor(PROBABILITIES, Datatype.FP64, shape, flat))
    return found


def metadata_tensors(
    signature: Signature,
) -> tuple[Sequence[TensorKind], Sequence[TensorKind]]:
    """Inputs and outputs; the number of rows is -1."""
    inputs = [TensorKind(f.name, _feature_type(f), (-1,)) for f in signature.features]
    outputs = [TensorKind(PREDICTION, _label_type(signature.target), (-1,))]
    if signature.target.task is Task.CLASSIFICATION:
        shape = (-1, len(signature.target.classes))
        outputs.append(TensorKind(PROBABILITIES, Datatype.FP64, shape))
    return inputs, outputs


def _is_table(tensor: Tensor, names: Sequence[str]) -> bool:
    if len(names) == 1:
        return tensor.name not in names or len(tensor.shape) == 2
    # A table that happens to be called like a feature is one all the same.
    return tensor.name not in names or (len(tensor.shape) == 2 and tensor.shape[1] == len(names))


def _of_table(tensor: Tensor, signature: Signature) -> TensorRows:
    features = signature.features
    width = len(features)
    flat_column = width == 1 and len(tensor.shape) == 1
    if not flat_column and (len(tensor.shape) != 2 or tensor.shape[1] != width):
        takes = f"[rows, {width}] with the features in the order {_listed(signature.names)}"
        raise _invalid(
            0, tensor.name, f"has shape {[*tensor.shape]}; must be {takes}, or one tensor for each"
        )
    _check_rows(tensor)
    columns = [
        _column(feature, index, tensor, tensor.values[index::width], parse=True)
        for index, feature in enumerate(features)
    ]
    return TensorRows(signature.names, columns, [0] * width, width)


def _check_names(tensors: Sequence[Tensor], names: Sequence[str]) -> None:
    counts = Counter(tensor.name for tensor in tensors)
    known = frozenset(names)
    takes = _listed(names)
    wrong = [
        _error(index, tensor.name, f"is no feature of this deployment, which takes {takes}")
        for index, tensor in enumerate(tensors)
        if tensor.name not in known
    ]
    wrong += [
        FieldError(json_pointer("inputs"), f"{name}: is sent {counts[name]} times")
        for name in names
        if counts[name] > 1
    ]
    wrong += [
        FieldError(json_pointer("inputs"), f"{name}: is missing; send a tensor for each feature")
        for name in names
        if not counts[name]
    ]
    if wrong:
        raise _refusal(wrong)


def _of_columns(tensors: Sequence[Tensor], signature: Signature) -> TensorRows:
    rows = {tensor.name: tensor.shape[0] if tensor.shape else -1 for tensor in tensors}
    first = tensors[0]
    wrong = []
    for index, tensor in enumerate(tensors):
        if len(tensor.shape) not in {1, 2} or (len(tensor.shape) == 2 and tensor.shape[1] != 1):
            what = f"has shape {[*tensor.shape]}; must be [rows] or [rows, 1]"
            wrong.append(_error(index, tensor.name, what))
        elif rows[tensor.name] != rows[first.name]:
            what = f"has {rows[tensor.name]} rows where {first.name} has {rows[first.name]}"
            wrong.append(_error(index, tensor.name, what))
    if wrong:
        raise _refusal(wrong)
    _check_rows(first)
    places = {tensor.name: index for index, tensor in enumerate(tensors)}
    order = [places[name] for name in signature.names]
    columns = [
        _column(feature, position, tensors[place], tensors[place].values, parse=False)
        for position, (feature, place) in enumerate(zip(signature.features, order, strict=True))
    ]
    return TensorRows(signature.names, columns, order, 1)


def _check_rows(tensor: Tensor) -> None:
    if not tensor.shape[0]:
        raise _invalid(0, tensor.name, f"has shape {[*tensor.shape]}: there are no rows")


def _column(
    feature: Feature, position: int, tensor: Tensor, values: Sequence[Element], *, parse: bool
) -> Sequence[object]:
    if tensor.datatype is Datatype.BYTES:
        return _of_texts(feature, position, values, parse=parse)
    if feature.kind is FeatureKind.BOOLEAN and tensor.datatype is not Datatype.BOOL:
        return [_FLAGS.get(value, value) for value in values]
    return values


def _of_texts(
    feature: Feature, position: int, values: Sequence[Element], *, parse: bool
) -> Sequence[object]:
    if feature.kind is FeatureKind.CATEGORY:
        # Bytes have no null.
        blank = feature.nullable and "" not in feature.choices
        return [value or None for value in values] if blank else values
    if not parse:
        return values
    column = column_of(feature, position)
    return [coerced(column, value) for value in values]


def _feature_type(feature: Feature) -> Datatype:
    return Datatype(tensor_type(feature))


def _label_type(target: Target, told: Sequence[Label] = ()) -> Datatype:
    labels: list[Label] = [*target.classes, *told]
    kinds = {*map(type, labels)}
    if kinds == {bool}:
        return Datatype.BOOL
    if kinds <= {int} and target.classes and all(map(_is_int64, labels)):
        return Datatype.INT64
    return Datatype.FP64 if kinds <= {int, float} else Datatype.BYTES


def _is_int64(label: Label) -> bool:
    low, high = INTEGERS[Datatype.INT64]
    return low <= int(label) <= high


def _listed(names: Sequence[str]) -> str:
    text = ", ".join(names[:SHOWN_CHOICES])
    return text if len(names) <= SHOWN_CHOICES else f"{text}, …"


def _error(index: int, name: str, words: str) -> FieldError:
    return FieldError(json_pointer("inputs", index), f"{name[:_MOST_NAMED]}: {words}")


def _invalid(index: int, name: str, words: str) -> InvalidTensorsError:
    return _refusal([_error(index, name, words)])


def _refusal(wrong: Sequence[FieldError]) -> InvalidTensorsError:
    more = f" (and {len(wrong) - 1} more: see errors)" if len(wrong) > 1 else ""
    return InvalidTensorsError(f"{wrong[0].message}{more}", *wrong[:_MOST_ERRORS])
