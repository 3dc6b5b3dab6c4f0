"""Names that apps give themselves, as they are shown."""

_PATH = "/\\"


def shown(name):
    """The text of a name's bytes. What would move a terminal's cursor, lead elsewhere in the file system that a folder is
    copied to, or be no text at all, is written as `\\xNN`: so no two names look alike.
    """
    try:
        text = str(name, "utf-8")
    except UnicodeError:
        return "".join(chr(byte) if 32 <= byte < 127 and byte not in b"/\\" else "\\x%02x" % byte for byte in name)
    return "".join("\\x%02x" % ord(c) if c < " " or "\x7f" <= c < "\xa0" or c in _PATH else c for c in text)
