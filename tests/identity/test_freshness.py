import threading
from collections.abc import Callable

import pytest

from flask_jafsec.errors import StoreUnavailable
from flask_jafsec.identity.freshness import Freshness
from tests.identity.token_setting import StillClock


class Epoch:
    """A store's epoch that counts how often it is asked, and may be down."""

    def __init__(self) -> None:
        self.value = 7
        self.is_down = False
        self.reads = 0

    def __call__(self) -> int:
        self.reads += 1
        if self.is_down:
            raise StoreUnavailable("down")
        return self.value


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def epoch() -> Epoch:
    return Epoch()


@pytest.fixture
def freshness(epoch: Epoch, clock: StillClock) -> Freshness:
    return Freshness(epoch, clock)


def test_the_first_check_reads_the_epoch(freshness: Freshness, epoch: Epoch) -> None:
    before = freshness.epoch_seen

    assert freshness.check() == 7
    assert (before, freshness.epoch_seen, epoch.reads) == (None, 7, 1)


@pytest.mark.parametrize(("wait_s", "reads"), [(0.0, 1), (0.999, 1), (1.0, 2), (5.0, 2)])
def test_the_epoch_is_read_at_most_once_a_second(
    freshness: Freshness, epoch: Epoch, clock: StillClock, wait_s: float, reads: int
) -> None:
    freshness.check()
    clock.advance(wait_s)

    for _ in range(100):
        freshness.check()

    assert epoch.reads == reads


def test_a_raised_epoch_is_seen_within_a_second(
    freshness: Freshness, epoch: Epoch, clock: StillClock
) -> None:
    freshness.check()
    epoch.value = 8

    seen = [freshness.check()]
    clock.advance(1)
    seen.append(freshness.check())

    assert seen == [7, 8]


@pytest.mark.parametrize("outage_s", [1.0, 30.0, 59.9])
def test_the_old_generation_is_trusted_while_the_store_is_down_for_less_than_a_minute(
    freshness: Freshness, epoch: Epoch, clock: StillClock, outage_s: float
) -> None:
    freshness.check()
    epoch.is_down = True
    clock.advance(outage_s)

    assert freshness.check() == 7


def test_nobody_is_trusted_once_the_store_was_down_for_a_minute(
    freshness: Freshness, epoch: Epoch, clock: StillClock
) -> None:
    freshness.check()
    epoch.is_down = True
    clock.advance(60)

    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            freshness.check()

    assert epoch.reads == 2


def test_trust_ends_on_time_even_between_two_tries(
    freshness: Freshness, epoch: Epoch, clock: StillClock
) -> None:
    freshness.check()
    epoch.is_down = True
    clock.advance(59.5)
    assert freshness.check() == 7

    clock.advance(0.5)

    with pytest.raises(StoreUnavailable):
        freshness.check()


def test_a_store_that_is_down_is_asked_once_a_second(
    freshness: Freshness, epoch: Epoch, clock: StillClock
) -> None:
    freshness.check()
    epoch.is_down = True

    for _ in range(300):
        clock.advance(0.1)
        freshness.check()

    assert 28 <= epoch.reads - 1 <= 31


def test_a_store_that_comes_back_is_trusted_again_within_a_second(
    freshness: Freshness, epoch: Epoch, clock: StillClock
) -> None:
    freshness.check()
    epoch.is_down = True
    clock.advance(90)
    with pytest.raises(StoreUnavailable):
        freshness.check()
    epoch.is_down, epoch.value = False, 9

    clock.advance(1)

    assert freshness.check() == 9


def test_without_any_good_read_nobody_is_trusted(freshness: Freshness, epoch: Epoch) -> None:
    epoch.is_down = True

    for _ in range(5):
        with pytest.raises(StoreUnavailable):
            freshness.check()

    assert (epoch.reads, freshness.epoch_seen) == (1, None)


def test_only_the_store_being_down_is_forgiven(clock: StillClock) -> None:
    def broken() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Freshness(broken, clock).check()


def test_an_epoch_that_goes_back_is_a_new_generation_too(
    freshness: Freshness, epoch: Epoch, clock: StillClock
) -> None:
    freshness.check()
    epoch.value = 3
    clock.advance(1)

    assert freshness.check() == 3


class SlowEpoch:
    """Answers the first time at once, later only when it is let go."""

    def __init__(self) -> None:
        self.reads = 0
        self.is_asked = threading.Event()
        self.may_answer = threading.Event()

    def __call__(self) -> int:
        self.reads += 1
        if self.reads > 1:
            self.is_asked.set()
            assert self.may_answer.wait(10)
        return self.reads


def _in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_while_one_thread_reads_the_others_go_on_with_what_is_known(clock: StillClock) -> None:
    slow = SlowEpoch()
    freshness = Freshness(slow, clock)
    freshness.check()
    clock.advance(1)
    reader = _in_thread(freshness.check)
    assert slow.is_asked.wait(10)

    meanwhile = [freshness.check() for _ in range(50)]

    slow.may_answer.set()
    reader.join(10)
    assert meanwhile == [1] * 50
    assert (slow.reads, freshness.check()) == (2, 2)


def test_threads_that_may_not_trust_what_is_known_wait_for_one_read(clock: StillClock) -> None:
    slow = SlowEpoch()
    freshness = Freshness(slow, clock)
    freshness.check()
    clock.advance(61)
    seen: list[int] = []
    threads = [_in_thread(lambda: seen.append(freshness.check())) for _ in range(8)]
    assert slow.is_asked.wait(10)
    assert seen == []

    slow.may_answer.set()

    for thread in threads:
        thread.join(10)
    assert (seen, slow.reads) == ([2] * 8, 2)


def test_what_this_process_changed_is_seen_at_once(freshness: Freshness, epoch: Epoch) -> None:
    freshness.check()
    epoch.value = 8

    freshness.look_again()

    assert freshness.check() == 8
    freshness.check()
    assert epoch.reads == 2


def test_a_read_that_began_before_the_change_does_not_hide_it(
    freshness: Freshness, epoch: Epoch
) -> None:
    def changed_meanwhile() -> int:
        value = epoch()
        if epoch.reads == 1:
            epoch.value = 8
            freshness.look_again()
        return value

    freshness._store_epoch = changed_meanwhile

    assert freshness.check() == 7
    assert freshness.check() == 8
