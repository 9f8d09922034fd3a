//! `Flow`: a workflow that waits for a promise.

use restate_sdk::prelude::*;

pub(crate) struct Flow;

const DONE: &str = "done";

#[workflow]
impl Flow {
    #[handler]
    async fn run(&self, ctx: WorkflowContext<'_>, value: String) -> HandlerResult<String> {
        let done: String = ctx.promise(DONE).await?;
        Ok(format!("{value}:{done}"))
    }

    #[handler]
    async fn finish(&self, ctx: SharedWorkflowContext<'_>, value: String) -> HandlerResult<()> {
        ctx.resolve_promise(DONE, value);
        Ok(())
    }

    /// The promise's value, or an empty text while there is none.
    #[handler]
    async fn peek(&self, ctx: SharedWorkflowContext<'_>) -> HandlerResult<String> {
        Ok(ctx.peek_promise::<String>(DONE).await?.unwrap_or_default())
    }
}
