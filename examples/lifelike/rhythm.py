"""When things happen: more by day than by night, less on Saturdays and Sundays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random

_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How much happens in each hour of a day, and on a Saturday or Sunday."""

    hours: tuple[float, ...]
    weekend: float

    def moments(
        self, random: Random, number: int, first: datetime, last: datetime
    ) -> list[datetime]:
        """Return *number* moments from *first* on and before *last*, in the order of time."""
        hours = list(_hours(first, last))
        weights = list(accumulate(self._weight(hour) for hour in hours))
        chosen = random.choices(hours, cum_weights=weights, k=number)
        room = (last - first).total_seconds() - (len(hours) - 1) * _HOUR_S
        moments = []
        for hour in chosen:
            # The hours are counted back from the last one; the first is what is left.
            length = room if hour == hours[0] else _HOUR_S
            moments.append(hour + timedelta(seconds=random.random() * length))
        return sorted(moments)

    def _weight(self, hour: datetime) -> float:
        share = self.weekend if hour.weekday() >= 5 else 1.0
        return self.hours[hour.hour] * share


def _hours(first: datetime, last: datetime) -> Iterator[datetime]:
    whole = int((last - first).total_seconds() // _HOUR_S)
    start = last - timedelta(hours=whole)
    if start > first:
        yield first
    for number in range(whole):
        yield start + timedelta(hours=number)


#: Offices: two humps, lunch between them. Hours of UTC.
PEOPLE = Rhythm(
    (
        *(0.3, 0.2, 0.2, 0.2, 0.4, 1.0, 3.0, 7.0, 10.0, 11.0, 10.5, 9.0),
        *(7.0, 9.5, 11.0, 10.0, 8.0, 5.0, 3.0, 2.0, 1.6, 1.2, 0.8, 0.5),
    ),
    weekend=0.12,
)

#: Agents work for customers of several zones.
AGENTS = Rhythm(
    (
        *(2.0, 1.6, 1.4, 1.6, 2.2, 3.0, 5.0, 7.5, 9.0, 10.0, 10.0, 9.5),
        *(9.0, 9.5, 10.0, 10.0, 9.0, 7.5, 6.5, 6.0, 5.0, 4.0, 3.0, 2.4),
    ),
    weekend=0.45,
)

#: Machines never rest, and some do most of their work at two in the night.
SERVICES = Rhythm(
    (
        *(4.0, 5.0, 12.0, 7.0, 4.5, 4.5, 5.0, 6.0, 7.0, 7.5, 7.5, 7.0),
        *(7.0, 7.5, 7.5, 7.5, 7.0, 6.5, 6.0, 5.5, 5.0, 4.5, 4.0, 4.0),
    ),
    weekend=0.8,
)
