"""An invented company and what its agents did in thirty days: data for the demo and for tests.

Made from a seed and an end time. Addresses are those set aside for documentation; whatever a
service can make (users, roles, API keys) is made by that service.
"""

from .filling import DEMO, SMALL, Filled, Size, fill
from .incident import LEAKED, THIEVES
from .office import settle
from .story import tell

__all__ = ["DEMO", "LEAKED", "SMALL", "THIEVES", "Filled", "Size", "fill", "settle", "tell"]
