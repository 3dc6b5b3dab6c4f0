"""The harness itself: the real image boots and can be driven."""

from adder.flash_image import FlashImage


def test_the_kernel_boots_and_says_what_it_is(simulation) -> None:
    with simulation() as board:
        board.expect(r"^Adder \d+\.\d+\.\d+ on .+$")


def test_an_installed_app_runs(simulation) -> None:
    with simulation("hello") as board:
        board.expect(r"^app hello\b")
        assert [placed.app.name for placed in FlashImage(board.image).apps()] == ["hello"]


def test_the_board_boots_again_on_the_same_flash(simulation) -> None:
    board = simulation("hello")
    for _ in range(2):
        with board:
            board.expect(r"^app hello\b")


def test_reset_boots_again(simulation) -> None:
    with simulation() as board:
        board.expect(r"^Adder .+$")
        board.reset()
        board.expect(r"^Adder .+$")


def test_the_vectors_can_be_read_from_outside(simulation, kernel_symbols) -> None:
    with simulation() as board:
        board.expect(r"^Adder ")
        assert board.read_word(4) == kernel_symbols["Reset_Handler"].address | 1
