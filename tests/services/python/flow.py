"""`Flow`: a workflow that waits for a promise."""

import restate

flow = restate.Workflow("Flow")


@flow.main()
async def run(ctx: restate.WorkflowContext, value: str) -> str:
    done = await ctx.promise("done", type_hint=str).value()
    return f"{value}:{done}"


@flow.handler()
async def finish(ctx: restate.WorkflowSharedContext, value: str) -> None:
    await ctx.promise("done", type_hint=str).resolve(value)


@flow.handler()
async def peek(ctx: restate.WorkflowSharedContext) -> str:
    """The promise's value, or an empty text while there is none."""
    return await ctx.promise("done", type_hint=str).peek() or ""
