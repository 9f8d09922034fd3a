//! Stories with the state machine of the official SDKs on the other end.

use everspan_durable::record::{Message, Outcome, SignalName};
use restate_sdk_shared_core::{Target, VM, Value};

use crate::core::Core;
use crate::world::World;

fn world() -> World {
    let mut world = World::new();
    world.serve_official("Core", "greet", |core| {
        Box::pin(async move { Ok(format!("Hello {}", core.input()?)) })
    });
    world.serve_official("Core", "run", |core| {
        Box::pin(async move {
            core.input()?;
            core.run().await
        })
    });
    world.serve_official("Core", "nap", |core| {
        Box::pin(async move {
            core.input()?;
            core.sleep(10_000).await?;
            core.run().await
        })
    });
    world.serve_official("Core", "hold", |core| {
        Box::pin(async move {
            core.input()?;
            let handle = core.vm.borrow_mut().sys_awakeable()?.handle;
            text(core.value(handle).await?)
        })
    });
    world.serve_official("Core", "call", |core| Box::pin(call(core)));
    world
}

async fn call(core: Core) -> Result<String, restate_sdk_shared_core::Error> {
    core.input()?;
    let target = Target {
        service: "Core".into(),
        handler: "greet".into(),
        key: None,
        idempotency_key: None,
        scope: None,
        limit_key: None,
        headers: Vec::new(),
    };
    let call = core
        .vm
        .borrow_mut()
        .sys_call(target, "Ada".into(), None, Default::default())?;
    text(core.value(call.call_notification_handle).await?)
}

fn text(value: Value) -> Result<String, restate_sdk_shared_core::Error> {
    match value {
        Value::Success(bytes) => Ok(crate::sdk::text(&bytes)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_official_state_machine_greets_runs_and_calls_in_one_attempt() {
    for (handler, expected) in [("greet", "Hello Ada"), ("run", "drawn"), ("call", "Hello Ada")] {
        let mut world = world();
        let id = world.submit(&format!("Core/{handler}"), "Ada");
        assert_eq!(
            (world.outcome(&id).as_str(), world.view(&id).attempts),
            (expected, 1)
        );
    }
}

#[test]
fn the_official_state_machine_suspends_and_resumes() {
    let mut world = world();
    let nap = world.submit("Core/nap", "");
    let hold = world.submit("Core/hold", "");
    world.wait_ms(2000);
    assert_eq!(
        (world.status(&nap), world.status(&hold)),
        ("suspended", "suspended")
    );
    world.crash();
    world.ask(Message::Signal {
        id: hold,
        name: SignalName::Index(17),
        outcome: Some(Outcome::Success("free".into())),
    });
    assert_eq!(world.outcome(&hold), "free");
    world.wait_ms(8000);
    assert_eq!(
        (world.outcome(&nap).as_str(), world.view(&nap).attempts),
        ("drawn", 2)
    );
}

#[test]
fn the_official_state_machine_suspends_at_once_in_request_response_mode() {
    let mut world = world();
    world.inactivity_ms = 0;
    let id = world.submit("Core/nap", "");
    world.wait_ms(10_000);
    assert_eq!(
        (world.outcome(&id).as_str(), world.view(&id).attempts),
        ("drawn", 3)
    );
}

#[test]
fn a_crash_under_the_official_state_machine_is_a_restart() {
    let mut world = world();
    let id = world.submit("Core/nap", "");
    for _ in 0..3 {
        world.crash();
    }
    world.wait_ms(10_000);
    assert_eq!(
        (world.outcome(&id).as_str(), world.view(&id).attempts),
        ("drawn", 5)
    );
}
