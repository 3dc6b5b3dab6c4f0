"""The apps in flash, and who changes them."""

from cells import Buffer
from kernel import InterruptLine, ProcessLoader

from capsules.hil.flash import Flash

# Each after what it imports itself: a kernel that is not wired has little stack for imports within imports.
from capsules.virtual.app_set import STAGED_AT_ONCE
from capsules.virtual.app_directory import RECORD, AppDirectory
from capsules.virtual.app_list import HEAD, PIECE, AppList
from capsules.virtual.app_credentials import AppCredentials
from capsules.virtual.app_store import AppStore


def app_store(flash: Flash, line: InterruptLine, loader: ProcessLoader) -> AppStore:
    """Wire the store; it loads the apps at boot."""
    directory = AppDirectory(flash, Buffer(RECORD))
    apps = AppList(flash, directory.crc, Buffer(PIECE), flash.length() - 2 * int(flash.page_size()))
    return AppStore(flash, line, loader, directory, AppCredentials(flash, apps, Buffer(HEAD * STAGED_AT_ONCE)))
