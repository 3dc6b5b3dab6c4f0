"""What an analog-to-digital converter is to a capsule.

A sample is a number of 16 bits, left-justified: full scale is 65536, whatever the converter's resolution. In a
buffer it takes two bytes, the lower first.

What is asked for returns 0, or an ErrorCode; then nothing was moved and no callback comes. A buffer that is passed in
is moved: it comes back in the client's callback.
"""

from typing import Protocol

from cells import Buffer


class AdcClient(Protocol):
    """A client that asks for samples."""

    def sampled(self, sample: int, status: int) -> None:
        """One sample. `status`: 0 or an ErrorCode, and then `sample` is 0."""

    def filled(self, buffer: Buffer, count: int, status: int) -> None:
        """The buffer has `count` samples. `status`: 0; CANCEL after stop(); INVAL if it begins at an odd byte."""


class Adc(Protocol):
    """A converter that one client uses. Channels count from 0."""

    def set_client(self, client: AdcClient) -> None:
        """Whom to call back."""

    def channels(self) -> int:
        """How many channels there are."""

    def resolution_bits(self) -> int:
        """How many of a sample's upper bits say something."""

    def reference_millivolts(self) -> int:
        """What full scale means; 0 if nobody knows."""

    def sample(self, channel: int) -> int:
        """Take one sample; sampled() comes once. INVAL: no such channel. BUSY: it samples already."""

    def sample_continuous(self, channel: int, frequency: int) -> int:
        """Take `frequency` samples a second; sampled() comes for each, until stop().

        INVAL: no such channel, or the hardware has no such frequency. BUSY: it samples already.
        """

    def sample_buffers(self, channel: int, frequency: int, buffer: Buffer, count: int) -> int:
        """Put `count` samples into the buffer, `frequency` a second, and go on with those of provide_buffer().

        filled() comes for each buffer. Without a next one it stops by itself. INVAL: as above. SIZE: `count` is 0 or
        more than the buffer has place for. BUSY: it samples already.
        """

    def provide_buffer(self, buffer: Buffer, count: int) -> int:
        """The buffer after the one that is being filled. OFF: none is. BUSY: there is a next one. SIZE: as above."""

    def stop(self) -> int:
        """Stop taking samples. Buffers come back by filled(), with what they have so far."""
