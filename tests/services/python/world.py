"""The outside world: the driver's HTTP endpoint, which counts and remembers what handlers do."""

import asyncio
import urllib.request


async def hit(ask: dict, step: int) -> int:
    """Counts one execution of `step` and returns how many there have been, this one included."""
    return int(await _get(f"{ask['world']}/hit/{ask['id']}/{step}"))


async def tell(ask: dict, text: str) -> None:
    """Leaves `text` for the driver under `id`."""
    await _get(f"{ask['world']}/tell/{ask['id']}/{text}")


async def _get(url: str) -> str:
    def blocking() -> str:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.read().decode()

    return await asyncio.to_thread(blocking)
