"""What a worker admits of a key's limit by itself, while the bucket of all can't be asked."""

from services.serving.domain.limits import DAY_SECONDS, Grant, Terms


class Share:
    """One worker's part of a bucket: of its size, of its rate, and of what was last known left.

    It is never less than one request at a time, so that a limit that is smaller than the number of
    workers does not become a full stop.
    """

    __slots__ = ("_at", "_ends_at", "_level", "_sharers", "_spent", "_terms", "_workers")

    def __init__(self, terms: Terms, workers: int, now: float, ends: float) -> None:
        self._terms = terms
        self._workers = self._sharers = workers
        self._spent = 0
        self._at = now
        self._ends_at = now + ends
        self._level = self._size

    def learn(self, grant: Grant, settled: int, now: float) -> None:
        """What the bucket said, and how many of the tokens spent here it has been told of."""
        self._sharers = max(self._workers, grant.sharers)
        self._spent = max(0, self._spent - settled)
        self._at, self._ends_at = now, now + grant.ends
        self._level = min(self._size, max(0.0, grant.left / self._sharers - self._spent))

    def take(self, tokens: int, now: float) -> bool:
        """Spend tokens if there are as many."""
        self._come_to(now)
        if tokens > self._level:
            return False
        self._level -= tokens
        self._spent += tokens
        return True

    def put_back(self, tokens: int, now: float) -> None:
        """Tokens that were spent on nothing."""
        self._come_to(now)
        self._spent = max(0, self._spent - tokens)
        self._level = min(self._size, self._level + tokens)

    def left(self, now: float) -> float:
        """Tokens."""
        self._come_to(now)
        return self._level

    def wait(self, tokens: int, now: float) -> float:
        """Seconds until so many may be there."""
        self._come_to(now)
        missing = (tokens - self._level) * self._sharers
        return self._terms.wait(missing, self._ends_at - now)

    @property
    def spent(self) -> int:
        """Tokens that the bucket was not told of."""
        return self._spent

    def owed(self, now: float) -> float:
        """What the bucket is to be told of them: what has come back here was paid."""
        self._come_to(now)
        if self._terms.by_day:
            return self._spent
        return min(self._spent, self._size - self._level)

    @property
    def _size(self) -> float:
        return max(1.0, self._terms.size / self._sharers)

    def _come_to(self, now: float) -> None:
        if self._terms.by_day:
            if now >= self._ends_at:
                days = (now - self._ends_at) // DAY_SECONDS + 1
                self._ends_at += days * DAY_SECONDS
                self._level, self._spent = self._size, 0
        else:
            came = self._terms.rate / self._sharers * (now - self._at)
            self._level = min(self._size, self._level + came)
        self._at = now
