"""Names that apps give themselves, as they are shown."""


def shown(name):
    """The text of a name's bytes. What would move a terminal's cursor, or be no text at all, is written as `\\xNN`."""
    try:
        text = str(name, "utf-8")
    except UnicodeError:
        return "".join(chr(byte) if 32 <= byte < 127 else "\\x%02x" % byte for byte in name)
    return "".join("\\x%02x" % ord(c) if c < " " or "\x7f" <= c < "\xa0" else c for c in text)
