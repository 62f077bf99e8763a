"""Any policy of a gate, for properties."""

from hypothesis import strategies as st

from understudy.contracts.gate import METRICS, GatePolicy, MetricDemand, Override
from understudy.contracts.vocabulary import FindingCode, MemberRole, Question, Severity

_DAYS = st.none() | st.integers(1, 36_500)
_BOUND = st.none() | st.floats(-2, 2)

OVERRIDERS = (MemberRole.OPERATOR, MemberRole.APPROVER, MemberRole.ADMIN)


@st.composite
def demands(draw: st.DrawFn) -> MetricDemand:
    low, high = draw(_BOUND), draw(_BOUND)
    if low is not None and high is not None:
        low, high = min(low, high), max(low, high)
    dummy, main = draw(_BOUND), draw(_BOUND)
    if low is high is dummy is main is None:
        low = draw(st.floats(-2, 2))
    return MetricDemand(low, high, dummy, main, draw(st.booleans()))


@st.composite
def policies(draw: st.DrawFn) -> GatePolicy:
    review = draw(st.booleans())
    return GatePolicy(
        review=review,
        findings=draw(
            st.dictionaries(st.sampled_from(FindingCode), st.sampled_from(Severity))
            if review
            else st.just({})
        ),
        metrics=draw(
            st.dictionaries(st.sampled_from(METRICS), demands(), max_size=3)
            if review
            else st.just({})
        ),
        questions=tuple(draw(st.lists(st.sampled_from(Question), unique=True))),
        second_person=draw(st.booleans()),
        review_days=draw(_DAYS) if review else None,
        training_days=draw(_DAYS),
        signed=draw(st.booleans()),
        pickle=draw(st.booleans()),
        override=Override(tuple(draw(st.lists(st.sampled_from(OVERRIDERS), unique=True)))),
    )
