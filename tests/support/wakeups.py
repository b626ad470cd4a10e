"""Wake-ups of workers without the background thread, which may arrive in the middle of the next test."""

from petition.delivery.wakeup import wake


class ImmediateWakeups:
    """Stands for `WakeupThread`: wakes a queue's worker before `request` returns."""

    def request(self, queue: str) -> None:
        wake(queue)
