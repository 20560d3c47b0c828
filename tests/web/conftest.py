"""What the tests of the line share."""

from __future__ import annotations

import pytest

from tests.apps import Place, make_place


@pytest.fixture
def place() -> Place:
    return make_place()
