"""The error that the tool shows to people."""


class AdderError(Exception):
    """Something a person can put right; the message is one clear sentence."""
