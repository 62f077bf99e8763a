"""Which names a person may trust at all: what is known to build values, and nothing else.

A list of what is dangerous is never complete: libraries import each other's names, and a class may
run what its state says (`scipy.stats` builds functions of text in `__setstate__`). So what may be
trusted is listed, by names alone: a file is never opened and nothing imported to find out.
"""

import re
from collections.abc import Mapping
from typing import Final

_CLASS: Final = re.compile(r"_{0,2}[A-Z]\w*", re.ASCII)
_NOT_ESTIMATORS: Final = frozenset(
    {
        *("ABC", "ABCMeta", "Any", "BytesIO", "Callable", "Counter", "DataFrame", "Enum", "Expr"),
        *("FITPACK_LOCK", "GenericAlias", "Index", "Integral", "Iterable", "List", "Literal"),
        *("Lock", "LowLevelCallable", "Mapping", "Memory", "MethodType", "Mock"),
        *("MutableMapping", "NamedTuple", "Number", "Optional", "OrderedDict", "Parallel"),
        *("Path", "Popen", "Process", "Protocol", "Real", "Repository", "Sequence", "Series"),
        *("SkipTest", "StringIO", "Thread", "ThreadPool", "ThreadPoolExecutor", "TypeVar"),
        *("ThreadpoolController", "Union", "Unpickler"),
    }
)
"""What modules import from elsewhere: it is asked for by the name of where it belongs, or not."""
_NOT_WITHIN: Final = frozenset(
    {
        *("_build_utils", "_cyutility", "_min_dependencies", "_plot", "benchmark", "callback"),
        *("conftest", "csgraph", "dask", "datasets", "experimental", "externals", "fixes"),
        *("inspection", "io", "linalg", "parallel", "plotting", "spark", "testing", "tests"),
        *("_joblib", "_matrix_io", "keras", "tensorflow", "utils"),
    }
)

_CLASSES_BELOW: Final = (
    *("sklearn", "scipy.sparse", "scipy.interpolate"),
    *("xgboost.sklearn", "lightgbm.sklearn", "imblearn", "category_encoders"),
)
"""Packages whose classes compute with numbers, public and private modules below."""
_EXACT: Final = frozenset(
    {
        *("collections.Counter", "collections.OrderedDict", "collections.defaultdict"),
        *("collections.deque", "datetime.date", "datetime.datetime", "datetime.time"),
        *("datetime.timedelta", "datetime.timezone", "decimal.Decimal", "fractions.Fraction"),
        *("uuid.UUID", "zoneinfo.ZoneInfo"),
        *("numpy.dtype", "numpy.ndarray", "numpy.ma.MaskedArray"),
        *("numpy.random.Generator", "numpy.random._generator.Generator"),
        *("numpy.random.RandomState", "numpy.random.mtrand.RandomState"),
        *("numpy.random.SeedSequence", "numpy.random.bit_generator.SeedSequence"),
        *("pandas.core.dtypes.dtypes.CategoricalDtype", "pandas.CategoricalDtype"),
        *("pandas.core.indexes.base.Index", "pandas.core.indexes.range.RangeIndex"),
        *("pandas.Index", "pandas.RangeIndex"),
        *("xgboost.core.Booster", "lightgbm.basic.Booster"),
        *("catboost.core.CatBoost", "catboost.core.CatBoostClassifier"),
        *("catboost.core.CatBoostRanker", "catboost.core.CatBoostRegressor"),
        *("scipy.interpolate._interpolate.interp1d", "scipy.interpolate.interp1d"),
        *("sklearn.utils._bunch.Bunch", "sklearn.utils.Bunch"),
        "sklearn.utils._metadata_requests.MetadataRequest",
        "sklearn.utils._metadata_requests.MethodMetadataRequest",
    }
)
_SCALARS: Final = frozenset(
    {
        *("bool", "bool_", "bytes_", "str_", "void", "object_", "datetime64", "timedelta64"),
        *("half", "single", "double", "longdouble", "csingle", "cdouble", "clongdouble"),
        *("float16", "float32", "float64", "float96", "float128", "complex64", "complex128"),
        *("complex192", "complex256", "intc", "intp", "int_", "uint", "uintc", "uintp"),
        *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("byte", "ubyte", "short", "ushort", "longlong", "ulonglong", "long", "ulong"),
    }
)
_BIT_GENERATORS: Final = frozenset({"MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"})
_ARRAY_FUNCTIONS: Final = frozenset(
    {
        *("abs", "absolute", "add", "all", "any", "arccos", "arccosh", "arcsin", "arcsinh"),
        *("arctan", "arctan2", "arctanh", "argmax", "argmin", "argsort", "around", "array"),
        *("asarray", "average", "cbrt", "ceil", "clip", "column_stack", "concatenate", "conj"),
        *("copysign", "cos", "cosh", "cumprod", "cumsum", "deg2rad", "degrees", "diff"),
        *("digitize", "divide", "dot", "equal", "exp", "exp2", "expand_dims", "expm1", "fabs"),
        *("floor", "floor_divide", "fmax", "fmin", "fmod", "full_like", "gradient", "greater"),
        *("greater_equal", "hstack", "hypot", "identity", "interp", "invert", "isfinite", "isin"),
        *("isinf", "isnan", "less", "less_equal", "log", "log10", "log1p", "log2", "logaddexp"),
        *("logical_and", "logical_not", "logical_or", "logical_xor", "matmul", "max", "maximum"),
        *("mean", "median", "min", "minimum", "mod", "multiply", "nan_to_num", "nanmax"),
        *("nanmean", "nanmedian", "nanmin", "nanstd", "nansum", "nanvar", "negative"),
        *("not_equal", "ones_like", "percentile", "positive", "power", "prod", "quantile"),
        *("rad2deg", "radians", "ravel", "reciprocal", "remainder", "reshape", "rint", "round"),
        *("sign", "sin", "sinh", "sort", "sqrt", "square", "squeeze", "stack", "std"),
        *("subtract", "sum", "tan", "tanh", "transpose", "true_divide", "trunc", "unique"),
        *("var", "vstack", "where", "zeros_like"),
    }
)
_FUNCTIONS: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(
        (
            *("numpy", "numpy._core._multiarray_umath", "numpy._core.fromnumeric"),
            *("numpy._core.numeric", "numpy._core.shape_base", "numpy._core.umath"),
            *("numpy.lib._function_base_impl", "numpy.lib._nanfunctions_impl"),
            *("numpy.lib._shape_base_impl", "numpy.lib._type_check_impl"),
            *("numpy.core._multiarray_umath", "numpy.core.fromnumeric", "numpy.core.numeric"),
        ),
        _ARRAY_FUNCTIONS,
    ),
    **dict.fromkeys(
        (
            *("scipy.special", "scipy.special._ufuncs", "scipy.special._special_ufuncs"),
            "scipy.special._logsumexp",
        ),
        frozenset(
            {
                *("betainc", "boxcox", "boxcox1p", "cbrt", "digamma", "entr", "erf", "erfc"),
                *("erfinv", "exp10", "exp2", "expit", "expm1", "gamma", "gammainc", "gammaln"),
                *("inv_boxcox", "inv_boxcox1p", "log1p", "log_expit", "log_ndtr", "log_softmax"),
                *("logit", "loggamma", "logsumexp", "ndtr", "ndtri", "psi", "rel_entr"),
                *("softmax", "xlog1py", "xlogy"),
            }
        ),
    ),
    **dict.fromkeys(
        (
            *("sklearn.feature_selection", "sklearn.feature_selection._mutual_info"),
            "sklearn.feature_selection._univariate_selection",
        ),
        frozenset(
            {
                *("chi2", "f_classif", "f_oneway", "f_regression", "mutual_info_classif"),
                *("mutual_info_regression", "r_regression"),
            }
        ),
    ),
    **dict.fromkeys(
        (
            *("sklearn.metrics", "sklearn.metrics._classification", "sklearn.metrics.pairwise"),
            *("sklearn.metrics._ranking", "sklearn.metrics._regression"),
        ),
        frozenset(
            {
                *("accuracy_score", "average_precision_score", "balanced_accuracy_score"),
                *("brier_score_loss", "cohen_kappa_score", "cosine_distances"),
                *("d2_tweedie_score", "euclidean_distances", "explained_variance_score"),
                *("f1_score", "fbeta_score", "hamming_loss", "haversine_distances"),
                *("hinge_loss", "jaccard_score", "linear_kernel", "log_loss"),
                *("manhattan_distances", "matthews_corrcoef", "max_error"),
                *("mean_absolute_error", "mean_absolute_percentage_error"),
                *("mean_pinball_loss", "mean_squared_error", "mean_squared_log_error"),
                *("median_absolute_error", "ndcg_score", "polynomial_kernel"),
                *("precision_score", "r2_score", "rbf_kernel", "recall_score"),
                *("roc_auc_score", "root_mean_squared_error", "zero_one_loss"),
            }
        ),
    ),
    "scipy.spatial.distance": frozenset(
        {
            *("braycurtis", "canberra", "chebyshev", "cityblock", "correlation", "cosine"),
            *("euclidean", "hamming", "jensenshannon", "mahalanobis", "minkowski"),
            *("seuclidean", "sqeuclidean"),
        }
    ),
}
"""Exact functions that compute an answer from numbers, by the modules that name them."""


LISTED: Final = frozenset(
    {
        *("catboost", "category_encoders", "imblearn", "lightgbm", "numpy", "pandas", "scipy"),
        *("sklearn", "xgboost"),
    }
)
"""Packages of which nothing else is trusted, whoever names it."""


def admitted(name: str) -> bool:
    """Whether a person may trust it."""
    place, _, last = name.rpartition(".")
    if name in _EXACT or last in _FUNCTIONS.get(place, ()):
        return True
    if place == "numpy":
        return last in _SCALARS
    if place.startswith("numpy.random"):
        return last in _BIT_GENERATORS and place.rpartition(".")[2] in {
            *("random", "_mt19937", "_pcg64", "_philox", "_sfc64"),
        }
    return _is_a_class(place.split("."), last)


def _is_a_class(place: list[str], last: str) -> bool:
    where = ".".join(place)
    if not any(where == home or where.startswith(f"{home}.") for home in _CLASSES_BELOW):
        return _is_sparse(where, last)
    if last in _NOT_ESTIMATORS or _NOT_WITHIN & {*place} or any(map(_CLASS.fullmatch, place)):
        return False
    return _CLASS.fullmatch(last) is not None or _is_sparse(where, last)


def _is_sparse(where: str, last: str) -> bool:
    """Matrices are written like functions."""
    return (where == "scipy.sparse" or where.startswith("scipy.sparse._")) and last in _SPARSE


_SPARSE: Final = frozenset(
    f"{layout}_{kind}"
    for layout in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
    for kind in ("array", "matrix")
)
