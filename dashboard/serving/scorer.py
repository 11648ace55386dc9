"""Requests of one model that come together are scored together, each group with the aliases as they are then."""

import time
from collections.abc import Sequence

from dashboard.serving import answers
from dashboard.serving.answers import Request, Scored
from dashboard.serving.groups import Grouping
from dashboard.serving.versions import Versions
from storage.log import PredictionLog

# Models are spread over so many threads: while one loads a file, most others go on.
N_THREADS = 4
CAPACITY = 1_000
GROUP_SIZE = 64
LINGER = 0.001
_Asked = tuple[str, Request]


class Scoring:
    """Queues of requests to be answered."""

    def __init__(self, log: PredictionLog, versions: Versions) -> None:
        self._log, self._versions = log, versions
        self._queues: list[Grouping[_Asked, Scored]] = [
            Grouping(f"scorer-{k}", self._score, capacity=CAPACITY, group_size=GROUP_SIZE, linger=LINGER)
            for k in range(N_THREADS)
        ]
        self._noted: dict[str, float] = {}

    async def ask(self, model: str, request: Request) -> Scored:
        """Return what the model, as it is then, answers to a request.

        Raises
        ------
        Full
            If too many requests wait already.
        """
        return await self._queues[hash(model) % N_THREADS].ask((model, request))

    def close(self) -> None:
        """Answer what waits and take nothing more."""
        for queue in self._queues:
            queue.close()

    def is_first_of_minute(self, model: str) -> bool:
        """Tell whether nobody has asked this of the model within the last minute."""
        now = time.monotonic()
        if now - self._noted.get(model, float("-inf")) < 60:
            return False
        self._noted[model] = now
        return True

    def _score(self, group: Sequence[_Asked]) -> list[Scored | Exception]:
        found: dict[int, Scored | Exception] = {}
        for model in dict.fromkeys(name for name, _ in group):
            own = [k for k, (name, _) in enumerate(group) if name == model]
            said: Sequence[Scored | Exception]
            try:
                said = answers.answer(self._log, self._versions, model, [group[k][1] for k in own])
            except Exception as error:
                said = [error] * len(own)
            found |= zip(own, said, strict=True)
        return [found[k] for k in range(len(group))]
