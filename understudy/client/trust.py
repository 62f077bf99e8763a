"""Types that artifacts may hold."""

from understudy.client.connection import Connection, segment
from understudy.contracts.trust import TrustDecision, TrustDecisionRequest, TrustView


class TrustConnection(Connection):
    """The part of the registry that knows which types are trusted."""

    def trusted_types(self) -> tuple[TrustView, ...]:
        """All types that were asked for, and where they stand."""
        return self.pages("/v1/trust", TrustView)

    def decide_type(self, name: str, decision: TrustDecision, reason: str) -> TrustView:
        """Trust a type, or deny it."""
        body = TrustDecisionRequest(decision=decision, reason=reason)
        return self.post(f"/v1/trust/{segment(name)}/decision", body, TrustView)
