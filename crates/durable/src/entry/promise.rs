//! Durable promises of a workflow: awaited, looked at, completed once.

use everspan_protocol::frame::MessageType;
use everspan_protocol::message::{CompletePromiseCommand, Completion, GetPromiseCommand, PeekPromiseCommand};
use everspan_state::Backend;

use super::{Entry, EntryError, failure, refused};
use crate::machine::{outcome_result, void};
use crate::record::{Failure, Message, Outcome, Waiter};
use crate::tables::Promise;

/// The longest name of a promise, bytes.
const PROMISE_NAME_MAX: usize = 16 * 1024;

pub(super) fn get<B: Backend>(entry: &mut Entry<'_, B>) -> Result<(), EntryError> {
    let command: GetPromiseCommand = entry.decode()?;
    check(entry, &command.key)?;
    entry.append();
    let ty = MessageType::GET_PROMISE_NOTIFICATION;
    let completion_id = command.result_completion_id;
    let target = &entry.invocation.target;
    match entry.machine.tables().promise(target, &command.key)? {
        Some(Promise::Completed(outcome)) => entry.notify(ty, completion_id, outcome_result(&outcome)),
        awaited => {
            let mut waiters = match awaited {
                Some(Promise::Awaited(waiters)) => waiters,
                _ => Vec::new(),
            };
            waiters.push(Waiter {
                id: *entry.id,
                completion_id,
                notification: ty.0,
            });
            entry
                .machine
                .tables()
                .put_promise(target, &command.key, &Promise::Awaited(waiters));
            Ok(())
        }
    }
}

pub(super) fn peek<B: Backend>(entry: &mut Entry<'_, B>) -> Result<(), EntryError> {
    let command: PeekPromiseCommand = entry.decode()?;
    check(entry, &command.key)?;
    entry.append();
    let result = match entry
        .machine
        .tables()
        .promise(&entry.invocation.target, &command.key)?
    {
        Some(Promise::Completed(outcome)) => outcome_result(&outcome),
        _ => void(),
    };
    entry.notify(
        MessageType::PEEK_PROMISE_NOTIFICATION,
        command.result_completion_id,
        result,
    )
}

pub(super) fn complete<B: Backend>(entry: &mut Entry<'_, B>) -> Result<(), EntryError> {
    let command: CompletePromiseCommand = entry.decode()?;
    check(entry, &command.key)?;
    let outcome = match command.completion {
        Some(Completion::Value(value)) => Outcome::Success(value.content),
        Some(Completion::Failure(wire)) => Outcome::Failure(failure(wire)),
        None => return Err(refused("CompletePromise without a result")),
    };
    entry.append();
    let target = &entry.invocation.target;
    let result = match entry.machine.tables().promise(target, &command.key)? {
        Some(Promise::Completed(_)) => outcome_result(&Outcome::Failure(Failure::new(
            409,
            "promise was already completed",
        ))),
        awaited => {
            if let Some(Promise::Awaited(waiters)) = awaited {
                for waiter in waiters {
                    entry.machine.send(Message::Complete {
                        waiter,
                        outcome: Some(outcome.clone()),
                    })?;
                }
            }
            entry
                .machine
                .tables()
                .put_promise(target, &command.key, &Promise::Completed(outcome));
            void()
        }
    };
    entry.notify(
        MessageType::COMPLETE_PROMISE_NOTIFICATION,
        command.result_completion_id,
        result,
    )
}

fn check<B: Backend>(entry: &Entry<'_, B>, name: &str) -> Result<(), EntryError> {
    if !entry.invocation.handler.kind.is_workflow() {
        return Err(refused(format!(
            "a promise, but {} is not a workflow",
            entry.invocation.target
        )));
    }
    if name.len() > PROMISE_NAME_MAX {
        return Err(refused(format!(
            "a promise name of {} bytes, at most {PROMISE_NAME_MAX}",
            name.len()
        )));
    }
    Ok(())
}
