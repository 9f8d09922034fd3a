"""`Stories`: one handler for each thing an SDK can ask of the server."""

from datetime import timedelta

import restate
from restate import RunOptions, TerminalError

import counter
import greeter
from world import hit, tell

stories = restate.Service("Stories")


@stories.handler()
async def runs(ctx: restate.Context, ask: dict) -> list:
    """`n` runs; each counts itself outside and stores the count it was given."""
    counts = []
    for step in range(ask["n"]):
        counts.append(await ctx.run_typed(f"step-{step}", hit, RunOptions(), ask, step))
    return counts


@stories.handler()
async def journey(ctx: restate.Context, ask: dict) -> list:
    """`n` rounds of: count outside, sleep `ms`, add 1 to the counter `key`."""
    counts = []
    for step in range(ask["n"]):
        counts.append(await ctx.run_typed("hit", hit, RunOptions(), ask, step))
        await ctx.sleep(timedelta(milliseconds=ask["ms"]))
        await ctx.object_call(counter.add, ask["key"], 1)
    return counts


@stories.handler()
async def sleep(ctx: restate.Context, ask: dict) -> int:
    await ctx.sleep(timedelta(milliseconds=ask["ms"]))
    return ask["ms"]


@stories.handler()
async def call(ctx: restate.Context, ask: dict) -> int:
    return await ctx.object_call(counter.add, ask["key"], ask["n"])


@stories.handler()
async def send(ctx: restate.Context, ask: dict) -> str:
    """Sends and returns the invocation id of what was sent."""
    return await ctx.object_send(counter.add, ask["key"], ask["n"]).invocation_id()


@stories.handler("sendDelayed")
async def send_delayed(ctx: restate.Context, ask: dict) -> str:
    delay = timedelta(milliseconds=ask["ms"])
    return await ctx.object_send(counter.add, ask["key"], ask["n"], send_delay=delay).invocation_id()


@stories.handler()
async def fanout(ctx: restate.Context, ask: dict) -> list:
    calls = [ctx.object_call(counter.add, key, ask["n"]) for key in ask["keys"]]
    return [await done for done in await restate.gather(*calls)]


@stories.handler()
async def awakeable(ctx: restate.Context, ask: dict) -> str:
    """Hands an awakeable's id outside and waits for its value."""
    name, value = ctx.awakeable(type_hint=str)
    await ctx.run_typed("tell", tell, RunOptions(), ask, name)
    return await value


@stories.handler("awakeableCaught")
async def awakeable_caught(ctx: restate.Context, ask: dict) -> str:
    """Like `awakeable`, and a rejection becomes the result `rejected: <reason>`."""
    name, value = ctx.awakeable(type_hint=str)
    await ctx.run_typed("tell", tell, RunOptions(), ask, name)
    try:
        return await value
    except TerminalError as error:
        return f"rejected: {error.message}"


@stories.handler()
async def resolve(ctx: restate.Context, ask: dict) -> None:
    """Resolves the awakeable `target` from inside a handler."""
    ctx.resolve_awakeable(ask["target"], ask["value"])


@stories.handler("awaitSignal")
async def await_signal(ctx: restate.Context, ask: dict) -> str:
    """Waits for the signal `go`, after handing its own invocation id outside."""
    await ctx.run_typed("tell", tell, RunOptions(), ask, ctx.request().id)
    return await ctx.signal("go", type_hint=str)


@stories.handler("sendSignal")
async def send_signal(ctx: restate.Context, ask: dict) -> None:
    ctx.resolve_signal(ask["target"], "go", ask["value"])


@stories.handler()
async def relay(ctx: restate.Context, ask: dict) -> dict:
    """What `Greeter/headers` says when it is called by a handler."""
    return await ctx.service_call(greeter.headers, None)


@stories.handler()
async def race(ctx: restate.Context, ask: dict) -> str:
    """A sleep of `ms` against an awakeable that nobody resolves."""
    _, never = ctx.awakeable(type_hint=str)
    match await restate.select(never=never, timeout=ctx.sleep(timedelta(milliseconds=ask["ms"]))):
        case ["timeout", _]:
            return "timeout"
        case [_, value]:
            return value


@stories.handler()
async def flaky(ctx: restate.Context, ask: dict) -> int:
    """Fails as a whole, retryably, the first `failures` times; then returns the count."""
    return await _count_or_fail(ask)


@stories.handler("flakyRun")
async def flaky_run(ctx: restate.Context, ask: dict) -> int:
    """One run that fails the first `failures` times, with at most `attempts` tries."""
    policy = RunOptions(
        initial_retry_interval=timedelta(milliseconds=20),
        retry_interval_factor=1.0,
        max_attempts=ask["attempts"],
    )
    return await ctx.run_typed("flaky", _count_or_fail, policy, ask)


@stories.handler()
async def terminal(ctx: restate.Context, ask: dict) -> None:
    raise TerminalError(ask["message"], status_code=ask["code"])


@stories.handler("catchTerminal")
async def catch_terminal(ctx: restate.Context, ask: dict) -> str:
    """Calls `terminal` and returns what it caught, as `<code> <message>`."""
    try:
        await ctx.service_call(terminal, ask)
        return "nothing"
    except TerminalError as error:
        return f"{error.status_code} {error.message}"


@stories.handler("blockOn")
async def block_on(ctx: restate.Context, ask: dict) -> str:
    """Calls `Counter/key/hold`, which keeps the lock for `ms`."""
    return await ctx.object_call(counter.hold, ask["key"], ask)


@stories.handler()
async def attach(ctx: restate.Context, ask: dict) -> str:
    """The result of the invocation `target`, a text."""
    return await ctx.attach_invocation(ask["target"], type_hint=str)


@stories.handler()
async def cancel(ctx: restate.Context, ask: dict) -> None:
    ctx.cancel_invocation(ask["target"])


async def _count_or_fail(ask: dict) -> int:
    count = await hit(ask, 0)
    if count <= ask["failures"]:
        raise RuntimeError(f"flaky failure {count} of {ask['failures']}")
    return count
