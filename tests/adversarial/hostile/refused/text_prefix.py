# refused: CP001
"""A prefix that one parser may know and the other not."""

NAME = u"name"


class Evil:
    """Has a name."""

    def name(self) -> str:
        return NAME
