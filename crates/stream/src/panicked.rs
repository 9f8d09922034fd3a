//! Panics of user code, as failures that say where.
//!
//! ```text
//!  thread ── catch ──────────────────────────────────────────► Failure { operator, "panicked at src/main.rs:7:9: …" }
//!    └── stage ── blame(its operator) ── user function: panic!
//!              └── only while it unwinds: notes the operator, unless one further in has
//! ```
//!
//! Costs a record nothing: what notes the operator is code that runs while a panic unwinds, and no other.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

use crate::failure::Failure;
use crate::graph::Operator;
use crate::stage::{Signal, Stage};
use crate::task::TaskContext;

/// What is known of the panic that unwinds this thread.
#[derive(Default)]
struct Panicking {
    /// File, line and column.
    location: Option<String>,
    /// The innermost operator.
    operator: Option<Operator>,
}

thread_local! {
    static PANICKING: RefCell<Panicking> = RefCell::default();
    /// Whether panics of this thread are caught here.
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
}

/// Runs the code of an operator; should it panic, the failure names the operator.
#[inline(always)]
pub(crate) fn blame<R>(operator: &Operator, work: impl FnOnce() -> R) -> R {
    let unwinding = Unwinding(operator);
    let done = work();
    std::mem::forget(unwinding);
    done
}

/// Dropped only by a panic; else it is forgotten. For whom a closure would not always be inlined.
pub(crate) struct Unwinding<'a>(pub(crate) &'a Operator);

impl Drop for Unwinding<'_> {
    #[cold]
    fn drop(&mut self) {
        PANICKING.with_borrow_mut(|panicking| {
            panicking.operator.get_or_insert_with(|| self.0.clone());
        });
    }
}

/// A stage whose panics name its operator.
pub(crate) struct Blamed<S> {
    operator: Operator,
    stage: S,
}

impl<S> Blamed<S> {
    pub(crate) fn new(operator: &Operator, stage: S) -> Self {
        Self {
            operator: operator.clone(),
            stage,
        }
    }
}

impl<T, S: Stage<T>> Stage<T> for Blamed<S> {
    #[inline(always)]
    fn record(&mut self, record: T, task: &mut TaskContext) {
        // As `blame`, without a closure, which would not always be inlined.
        let unwinding = Unwinding(&self.operator);
        self.stage.record(record, task);
        std::mem::forget(unwinding);
    }

    #[inline(always)]
    fn shared_record(&mut self, record: &T, task: &mut TaskContext)
    where
        T: Clone,
    {
        let unwinding = Unwinding(&self.operator);
        self.stage.shared_record(record, task);
        std::mem::forget(unwinding);
    }

    fn signal(&mut self, signal: &mut Signal<'_>, task: &mut TaskContext) {
        blame(&self.operator, || self.stage.signal(signal, task));
    }
}

/// Runs `work`; a panic is a failure of the operator whose code it was, or of `otherwise`.
pub(crate) fn caught<R>(otherwise: &Operator, work: impl FnOnce() -> R) -> Result<R, Failure> {
    static HOOK: Once = Once::new();
    HOOK.call_once(note_locations);
    let was_watched = IS_WATCHED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    IS_WATCHED.set(was_watched);
    done.map_err(|panic| {
        let Panicking { location, operator } = PANICKING.take();
        let place = location.map(|location| format!(" at {location}"));
        let words = words_of(&*panic);
        let told = format!("panicked{}: {words}", place.unwrap_or_default());
        Failure::new(&operator.unwrap_or_else(|| otherwise.clone()), told)
    })
}

/// What a panic is caught with does not say where it was; a hook is told. The one that was there goes on being called.
fn note_locations() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        if IS_WATCHED.get() {
            let location = info.location().map(ToString::to_string);
            PANICKING.set(Panicking {
                location,
                operator: None,
            });
        }
        before(info);
    }));
}

/// What a panic said.
fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without words")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operator(name: &str) -> Operator {
        Operator {
            name: name.into(),
            uid: name.into(),
            has_own_uid: true,
        }
    }

    #[test]
    fn the_innermost_operator_is_blamed_and_the_place_is_told() {
        let (outer, inner) = (operator("outer"), operator("inner"));
        let whole = operator("outer -> inner");
        let line = line!() + 3;
        let failed = caught(&whole, || {
            blame(&outer, || {
                blame(&inner, || panic!("no {}", 7));
            });
        });
        let failed = failed.expect_err("it panics");
        assert_eq!(failed.operator, "inner");
        let (place, words) = failed.reason.rsplit_once(": ").expect("place and words");
        assert_eq!(words, "no 7");
        assert!(place.starts_with("panicked at "), "{place}");
        assert!(place.contains(&format!("panicked.rs:{line}:")), "{place}");

        let failed = caught(&whole, || {
            blame(&inner, || ());
            blame(&outer, || std::panic::panic_any(7));
        });
        let failed = failed.expect_err("it panics");
        assert_eq!(failed.operator, "outer", "the inner one is done");
        assert!(failed.reason.ends_with(": without words"), "{}", failed.reason);

        let failed = caught(&whole, || {
            // A function may catch what its own code does.
            let own = catch_unwind(AssertUnwindSafe(|| blame(&inner, || panic!("caught"))));
            assert!(own.is_err());
            panic!("outside");
        });
        assert_eq!(failed.expect_err("it panics").operator, "outer -> inner");
        assert_eq!(caught(&whole, || blame(&inner, || 7)), Ok(7));
    }
}
