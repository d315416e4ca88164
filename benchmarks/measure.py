"""Turns, round robin over all libraries, so that a noisy machine is unfair to none."""

import statistics
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.worker import LIBRARIES, Worker, confined


@dataclass
class Result:
    """Of one way: seconds a unit, round by round; or the reason why there are none."""

    seconds: list = field(default_factory=list)
    counts: list = field(default_factory=list)
    memory: float = float("nan")
    first: float | None = None
    reason: str = ""

    @property
    def median(self):
        return statistics.median(self.seconds)

    @property
    def spread(self):
        """Half of the distance of the quartiles, in parts of the median."""
        low, _, high = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return (high - low) / 2 / self.median

    def over(self, other):
        """Return the median over the rounds of how many times as long as the other it took."""
        return statistics.median(
            mine / theirs for mine, theirs in zip(self.seconds, other.seconds, strict=True)
        )


@contextmanager
def workers(threads, libraries=LIBRARIES):
    """Start the processes; those whose library is not installed are left out, with the reason."""
    with confined(threads):
        found = [Worker(library) for library in libraries]
    missing = {}
    for worker in list(found):
        version, reason = worker.start()
        if version is None:
            missing[worker.library] = reason
            worker.close()
            found.remove(worker)
    try:
        yield found, missing
    finally:
        for worker in found:
            worker.close()


def measure(work, found, seconds, most_rounds=50, pause=0.0, leave_out=()):
    """Return {way: Result}: at least 3 rounds, and more until the seconds are spent."""
    results, able = {}, []
    for worker in found:
        for name in worker.ask("ways", work):
            if name in leave_out:
                continue
            results[name] = result = Result()
            answer = worker.ask("prepare", work, name)
            if "reason" in answer:
                result.reason = answer["reason"]
            else:
                result.memory, result.first = answer["memory"], answer["value"]
                able.append((worker, name, result))
    started, rounds = time.perf_counter(), 0
    while rounds < 3 or (rounds < most_rounds and time.perf_counter() - started < seconds):
        for worker, name, result in able:
            time.sleep(pause)  # until the threads of the one before sleep
            taken, count = worker.ask("turn", name)
            result.seconds.append(taken / work.count)
            result.counts.append(count)
        rounds += 1
    for worker in found:
        worker.ask("drop")
    return results


def verdicts(work, results):
    """Yield (text, reached) for each target; reached is None if the peer is not there."""
    for target in work.targets:
        for name in target.ours:
            ours, peer = results.get(name), results.get(target.peer)
            floor = target.peer == work.floor
            sign, what = (
                ("≤", f"{name} ÷ {target.peer}") if floor else ("≥", f"{target.peer} ÷ {name}")
            )
            if not peer or not peer.seconds or not ours:
                yield f"{what} {sign} {target.bound:g}", None
                continue
            ratio = ours.over(peer) if floor else peer.over(ours)
            reached = ratio <= target.bound if floor else ratio >= target.bound
            yield f"{what} = {ratio:.2f}, target {sign} {target.bound:g}", reached
