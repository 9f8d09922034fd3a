//! State of objects, sent whole, in part, or on demand.

use everspan_durable::target::HandlerKind;
use everspan_protocol::frame::MessageType;
use everspan_protocol::message::{ClearAllStateCommand, GetLazyStateKeysCommand, NotificationId};

use crate::calls::add;
use crate::sdk::Ctx;
use crate::stop::Stop;
use crate::world::World;

fn write(ctx: &mut Ctx) -> Result<String, Stop> {
    ctx.set("a", "aaaaaaaaaa");
    ctx.set("b", "bbbbbbbbbb");
    Ok(String::new())
}

fn read(ctx: &mut Ctx) -> Result<String, Stop> {
    let partial = ctx.start.partial_state;
    let sent = ctx.start.state_map.len();
    Ok(format!("{partial} {sent} {} {}", ctx.get("a")?, ctx.get("b")?))
}

fn world(eager_state_max: usize, lazy: bool) -> World {
    let mut world = World::new();
    world.options.eager_state_max = eager_state_max;
    world.crash();
    world.serve("Object", "write", HandlerKind::Exclusive, write);
    world.serve("Object", "read", HandlerKind::Shared, read);
    let mut facts = world.services.facts("Object", "read").expect("it is served");
    facts.lazy_state = lazy;
    world.serve_as("Object", "read", facts, read);
    world.submit("Object/k/write", "");
    world
}

#[test]
fn state_is_read_the_same_whole_in_part_and_on_demand() {
    for (eager_state_max, lazy, sent) in [
        (1000, false, "false 2"),
        (11, false, "true 1"),
        (1000, true, "true 0"),
    ] {
        let mut world = world(eager_state_max, lazy);
        let id = world.submit("Object/k/read", "");
        assert_eq!(world.outcome(&id), format!("{sent} aaaaaaaaaa bbbbbbbbbb"));
        assert_eq!(world.view(&id).attempts, 1);
        let other = world.submit("Object/other/read", "");
        let sent = if lazy { "true 0" } else { "false 0" };
        assert_eq!(world.outcome(&other), format!("{sent}  "));
    }
}

#[test]
fn keys_are_listed_and_cleared() {
    fn clear(ctx: &mut Ctx) -> Result<String, Stop> {
        let before = keys(ctx)?;
        ctx.command(
            MessageType::CLEAR_ALL_STATE_COMMAND,
            &ClearAllStateCommand::default(),
        );
        Ok(format!("{before};{}", keys(ctx)?))
    }
    fn keys(ctx: &mut Ctx) -> Result<String, Stop> {
        let result_completion_id = ctx.completion_id();
        let get = GetLazyStateKeysCommand {
            result_completion_id,
            name: String::new(),
        };
        ctx.command(MessageType::GET_LAZY_STATE_KEYS_COMMAND, &get);
        ctx.value(NotificationId::CompletionId(result_completion_id))
    }
    let mut world = world(1000, false);
    world.serve("Object", "clear", HandlerKind::Exclusive, clear);
    let id = world.submit("Object/k/clear", "");
    assert_eq!(world.outcome(&id), "a,b;");
}

#[test]
fn what_was_set_before_a_terminal_error_stays() {
    fn set_and_fail(ctx: &mut Ctx) -> Result<String, Stop> {
        ctx.set("a", "kept");
        Err(Stop::Terminal(everspan_protocol::message::Failure::new(
            500, "no",
        )))
    }
    let mut world = world(1000, false);
    world.serve("Object", "fail", HandlerKind::Exclusive, set_and_fail);
    let failed = world.submit("Object/k/fail", "");
    assert_eq!(world.outcome(&failed), "500 no");
    let id = world.submit("Object/k/read", "");
    assert_eq!(world.outcome(&id), "false 2 kept bbbbbbbbbb");
}

#[test]
fn a_write_in_a_shared_handler_and_state_without_a_key_are_refused() {
    let mut world = world(1000, false);
    world.serve("Object", "sneak", HandlerKind::Shared, write);
    world.serve("Plain", "add", HandlerKind::Service, add);
    for path in ["Object/k/sneak", "Plain/add"] {
        let id = world.submit(path, "");
        let view = world.view(&id);
        assert_eq!(
            (view.status, view.last_error.unwrap().code),
            ("backing-off", 571),
            "{path}"
        );
    }
}
