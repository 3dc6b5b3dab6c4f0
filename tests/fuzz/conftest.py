"""What the fuzzer's tests share: it takes a while to build."""

from collections.abc import Iterator

import pytest
from on_host import FOLDER, Host, build
from on_image import Kernel, modules_of

IMAGE_SAMPLE = range(50, 58)


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """The kernel for this machine, waiting for programs."""
    build(FOLDER)
    made = Host(FOLDER)
    yield made
    made.end()


@pytest.fixture(scope="session")
def sample_kernel() -> Kernel:
    """A kernel for QEMU with some modules in it, which the first verifier has accepted."""
    seeds, programs, _ = modules_of(IMAGE_SAMPLE.start, len(IMAGE_SAMPLE), long=True, without=())
    return Kernel(seeds, programs)
