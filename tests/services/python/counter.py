"""`Counter`: a virtual object with one number per key."""

from datetime import timedelta

import restate

from world import hit

counter = restate.VirtualObject("Counter")


@counter.handler()
async def add(ctx: restate.ObjectContext, n: int) -> int:
    total = (await ctx.get("count") or 0) + n
    ctx.set("count", total)
    return total


@counter.handler(kind="shared")
async def get(ctx: restate.ObjectSharedContext) -> int:
    return await ctx.get("count") or 0


@counter.handler()
async def tour(ctx: restate.ObjectContext) -> list:
    """Sets `a` and `b`, lists the keys, clears `a`."""
    ctx.set("a", 1)
    ctx.set("b", "two")
    keys = sorted(await ctx.state_keys())
    ctx.clear("a")
    return keys


@counter.handler(kind="shared")
async def keys(ctx: restate.ObjectSharedContext) -> list:
    return sorted(await ctx.state_keys())


@counter.handler()
async def wipe(ctx: restate.ObjectContext) -> None:
    ctx.clear_all()


@counter.handler()
async def hold(ctx: restate.ObjectContext, ask: dict) -> str:
    """Holds the object's lock for `ms`, after telling the world that it has it."""
    await ctx.run_typed("held", hit, restate.RunOptions(), ask, 0)
    await ctx.sleep(timedelta(milliseconds=ask["ms"]))
    return "held"
