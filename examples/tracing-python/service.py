"""A shop whose spans hang below the attempts of Everspan. See README.md."""

import asyncio
import os
import signal

import hypercorn
import hypercorn.asyncio
import restate
from restate.server import install_shutdown_hook

from telemetry import attempt_span, run, tracer

shop = restate.Service("Shop", invocation_context_managers=[attempt_span])
stock = restate.VirtualObject("Stock", invocation_context_managers=[attempt_span])
refused = set()


@shop.handler()
async def order(ctx: restate.Context, item: str) -> str:
    # A span of your own: its parent is the attempt that runs now.
    with tracer.start_as_current_span("check the basket") as span:
        span.set_attribute("shop.item", item)
    price = await run(ctx, "look up the price", look_up, item=item)
    await ctx.object_call(take, key=item, arg=1)
    await run(ctx, "charge the card", charge, invocation=ctx.request().id)
    return f"{item} for {price}"


@stock.handler()
async def take(ctx: restate.ObjectContext, count: int) -> int:
    taken = (await ctx.get("taken", type_hint=int) or 0) + count
    ctx.set("taken", taken)
    return taken


async def look_up(item: str) -> int:
    # Within a run, the run's span is the parent.
    with tracer.start_as_current_span("read the price list"):
        await asyncio.sleep(0.03)
        return len(item) * 7


async def charge(invocation: str) -> None:
    """The bank refuses the first try of every order, so that there is a retry to look at."""
    await asyncio.sleep(0.06)
    if invocation not in refused:
        refused.add(invocation)
        raise ConnectionError("the bank does not answer")
    refused.discard(invocation)


async def main():
    config = hypercorn.Config()
    config.bind = [f"127.0.0.1:{os.environ.get('PORT', '9080')}"]
    stop = asyncio.Event()
    # The SDK takes SIGTERM for itself, away from the HTTP server; its own hooks are the way to hear of it.
    for number in (signal.SIGINT, signal.SIGTERM):
        install_shutdown_hook(asyncio.get_running_loop(), stop.set, number)
    await hypercorn.asyncio.serve(restate.app(services=[shop, stock]), config, shutdown_trigger=stop.wait)


if __name__ == "__main__":
    asyncio.run(main())
