"""`Greeter`: the smallest service."""

import restate

greeter = restate.Service("Greeter")


@greeter.handler()
async def greet(ctx: restate.Context, name: str) -> str:
    return f"Hello {name}"


@greeter.handler()
async def headers(ctx: restate.Context) -> dict:
    request = ctx.request()
    return {"request": dict(request.headers), "attempt": dict(request.attempt_headers)}
