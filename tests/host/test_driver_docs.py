"""docs/drivers.md is what the capsules, boards and tests say."""

import pytest

from adder.apps.driver_docs import PAGE, boards, capsules, checked_by, page
from adder.apps.drivers import DRIVERS


def test_the_page_of_drivers_is_what_the_capsules_say() -> None:
    assert PAGE.read_text() == page(), "docs/drivers.md is out of date; run `make reference`"


@pytest.mark.parametrize("capsule", capsules(), ids=lambda capsule: capsule.name)
def test_each_capsule_is_on_a_board_and_has_a_test_and_its_numbers_have_names(capsule) -> None:
    assert list(boards(capsule)), "no board serves it"
    assert checked_by(capsule), "tests/host/capsules has no test of it"
    assert set(capsule.numbers) <= set(DRIVERS.values())
