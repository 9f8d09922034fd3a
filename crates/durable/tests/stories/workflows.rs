//! Workflows: one run a key, and promises.

use bytes::Bytes;
use everspan_durable::target::HandlerKind;
use everspan_protocol::frame::MessageType;
use everspan_protocol::message::{
    CompletePromiseCommand, Completion, GetPromiseCommand, NotificationId, PeekPromiseCommand, Value,
};

use crate::sdk::Ctx;
use crate::stop::Stop;
use crate::world::World;

fn run(ctx: &mut Ctx) -> Result<String, Stop> {
    let result_completion_id = ctx.completion_id();
    let get = GetPromiseCommand {
        key: "go".into(),
        result_completion_id,
        name: String::new(),
    };
    ctx.command(MessageType::GET_PROMISE_COMMAND, &get);
    ctx.value(NotificationId::CompletionId(result_completion_id))
}

fn peek(ctx: &mut Ctx) -> Result<String, Stop> {
    let result_completion_id = ctx.completion_id();
    let peek = PeekPromiseCommand {
        key: "go".into(),
        result_completion_id,
        name: String::new(),
    };
    ctx.command(MessageType::PEEK_PROMISE_COMMAND, &peek);
    ctx.value(NotificationId::CompletionId(result_completion_id))
}

fn complete(ctx: &mut Ctx) -> Result<String, Stop> {
    let result_completion_id = ctx.completion_id();
    let complete = CompletePromiseCommand {
        key: "go".into(),
        completion: Some(Completion::Value(Value {
            content: Bytes::from(ctx.input()),
        })),
        result_completion_id,
        name: String::new(),
    };
    ctx.command(MessageType::COMPLETE_PROMISE_COMMAND, &complete);
    ctx.value(NotificationId::CompletionId(result_completion_id))
}

fn world() -> World {
    let mut world = World::new();
    world.serve("Flow", "run", HandlerKind::Workflow, run);
    world.serve("Flow", "peek", HandlerKind::WorkflowShared, peek);
    world.serve("Flow", "complete", HandlerKind::WorkflowShared, complete);
    world
}

#[test]
fn a_promise_is_awaited_looked_at_and_completed_once() {
    let mut world = world();
    let flow = world.submit("Flow/k/run", "");
    let early = world.submit("Flow/k/peek", "");
    assert_eq!(world.outcome(&early), "");
    world.wait_ms(2000);
    assert_eq!(world.status(&flow), "suspended");
    world.crash();
    let first = world.submit("Flow/k/complete", "now");
    assert_eq!(
        (world.outcome(&first), world.outcome(&flow)),
        (String::new(), "now".into())
    );
    let second = world.submit("Flow/k/complete", "again");
    assert_eq!(world.outcome(&second), "409 promise was already completed");
    let late = world.submit("Flow/k/peek", "");
    assert_eq!(world.outcome(&late), "now");
    let other = world.submit("Flow/other/peek", "");
    assert_eq!(world.outcome(&other), "");
}

#[test]
fn a_workflow_runs_once_a_key() {
    fn caller(ctx: &mut Ctx) -> Result<String, Stop> {
        let (_, result) = ctx.call("Flow", "k", "run", "");
        ctx.value(NotificationId::CompletionId(result))
    }
    let mut world = world();
    world.serve("Caller", "call", HandlerKind::Service, caller);
    let flow = world.submit("Flow/k/run", "");
    assert_eq!(world.submit("Flow/k/run", ""), flow);
    assert_eq!(world.accepted, [(flow, false), (flow, true)]);
    let under_way = world.submit("Caller/call", "");
    assert_eq!(
        world.outcome(&under_way),
        "409 the workflow method was already invoked"
    );
    world.submit("Flow/k/complete", "now");
    let ended = world.submit("Caller/call", "");
    assert_eq!(
        world.outcome(&ended),
        "409 the workflow method was already invoked"
    );
    assert_eq!(world.starts[&flow].len(), 1);
}

#[test]
fn promises_are_for_workflows_only() {
    let mut world = world();
    world.serve("Plain", "peek", HandlerKind::Service, peek);
    let id = world.submit("Plain/peek", "");
    assert_eq!(world.view(&id).last_error.unwrap().code, 571);
}
