"""The console's other direction: what is typed."""


def test_each_typed_byte_is_read_once(simulation) -> None:
    text = "the quick brown fox jumps over the lazy dog 0123456789"
    with simulation("echo", "hello") as board:
        board.expect(r"echo: ready")
        board.send(text)
        for character in text:
            board.expect(rf"echo: read '{character}' \({ord(character)}\), status 0", timeout=20)


def test_bytes_that_come_before_anybody_reads_are_not_lost(simulation) -> None:
    with simulation("hello", "echo") as board:
        board.send("abc")
        for character in "abc":
            board.expect(rf"echo: read '{character}'", timeout=20)


def test_a_revoked_buffer_is_never_written(simulation) -> None:
    with simulation("echo-revoke") as board:
        board.expect(r"echo: revoked")
        board.send("wxyz")
        # The new buffer has two bytes: SIZE (7), because four came.
        board.expect(r"echo: first untouched, second wx, status 7, 2 bytes", timeout=20)
