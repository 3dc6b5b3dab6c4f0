# refused: CP012
"""An unbound method as a callback: the first argument becomes self."""

class Evil:
    def run(self, other):
        other.set_client(Evil.run)
