# refused: CP003
"""A scheduler of one's own."""

import asyncio
