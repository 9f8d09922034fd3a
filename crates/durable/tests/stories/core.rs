//! Handlers on the state machine of the official SDKs: futures that are polled whenever something has arrived.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use restate_sdk_shared_core::{
    AwaitResponse, CoreVM, Error, NonEmptyValue, NotificationHandle, PayloadOptions, RetryPolicy,
    RunExitResult, State, UnresolvedFuture, VM, VMOptions, Value,
};

use crate::sdk::Said;
use crate::world::CONTENT_TYPE;

type CoreFuture = Pin<Box<dyn Future<Output = Result<String, Error>>>>;

/// A handler: the result is text.
pub(crate) type CoreHandler = fn(Core) -> CoreFuture;

/// One conversation, seen from the service.
pub(crate) struct CoreSdk {
    core: Core,
    handler: CoreHandler,
    future: Option<CoreFuture>,
    over: bool,
}

/// What a handler sees.
#[derive(Clone)]
pub(crate) struct Core {
    pub(crate) vm: Rc<RefCell<CoreVM>>,
    now_ms: Rc<RefCell<u64>>,
}

impl CoreSdk {
    pub(crate) fn new(handler: CoreHandler) -> Self {
        let headers = vec![("content-type".to_owned(), CONTENT_TYPE.to_owned())];
        let vm = CoreVM::new(headers, VMOptions::default()).expect("version 6 is spoken");
        let core = Core {
            vm: Rc::new(RefCell::new(vm)),
            now_ms: Rc::default(),
        };
        Self {
            core,
            handler,
            future: None,
            over: false,
        }
    }

    pub(crate) fn input(&mut self, piece: Option<Bytes>, now_ms: u64) -> Vec<Said> {
        if self.over {
            return Vec::new();
        }
        *self.core.now_ms.borrow_mut() = now_ms;
        match piece {
            Some(piece) => self.core.vm.borrow_mut().notify_input(piece),
            None => self.core.vm.borrow_mut().notify_input_closed(),
        }
        let ready = self
            .core
            .vm
            .borrow()
            .is_ready_to_execute()
            .expect("frames the SDK accepts");
        if ready && self.future.is_none() {
            self.future = Some((self.handler)(self.core.clone()));
        }
        let Some(future) = &mut self.future else {
            return Vec::new();
        };
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        self.said(polled)
    }

    fn said(&mut self, polled: Poll<Result<String, Error>>) -> Vec<Said> {
        let mut vm = self.core.vm.borrow_mut();
        if let Poll::Ready(Ok(value)) = &polled {
            let value = NonEmptyValue::Success(Bytes::from(value.clone()));
            vm.sys_write_output(value, PayloadOptions::default())
                .expect("an output may follow");
            vm.sys_end().expect("an end may follow");
        }
        let mut said = Vec::new();
        let bytes = vm.take_output();
        if !bytes.is_empty() {
            said.push(Said::Bytes(bytes.to_vec()));
        }
        self.over = polled.is_ready() || vm.state() == State::Closed;
        if self.over {
            said.push(Said::Eof);
        }
        said
    }
}

impl Core {
    pub(crate) fn input(&self) -> Result<String, Error> {
        let input = self.vm.borrow_mut().sys_input()?;
        Ok(crate::sdk::text(&input.input))
    }

    pub(crate) async fn value(&self, handle: NotificationHandle) -> Result<Value, Error> {
        poll_fn(|_| {
            let mut vm = self.vm.borrow_mut();
            loop {
                match vm.do_await(UnresolvedFuture::Single(handle)) {
                    Err(error) => return Poll::Ready(Err(error)),
                    Ok(AwaitResponse::AnyCompleted) => {
                        let value = vm.take_notification(handle)?.expect("completed");
                        return Poll::Ready(Ok(value));
                    }
                    Ok(AwaitResponse::WaitingExternalProgress { .. }) => return Poll::Pending,
                    Ok(AwaitResponse::ExecuteRun(run)) => {
                        let drawn = RunExitResult::Success(Bytes::from_static(b"drawn"));
                        vm.propose_run_completion(run, drawn, RetryPolicy::default())?;
                    }
                    Ok(other) => panic!("{other:?}"),
                }
            }
        })
        .await
    }

    pub(crate) async fn sleep(&self, ms: u64) -> Result<(), Error> {
        let wake_up = Duration::from_millis(*self.now_ms.borrow() + ms);
        let handle = self.vm.borrow_mut().sys_sleep("nap".into(), wake_up, None)?;
        self.value(handle).await.map(|_| ())
    }

    pub(crate) async fn run(&self) -> Result<String, Error> {
        let run = self.vm.borrow_mut().sys_run("effect".into())?;
        match self.value(run.handle).await? {
            Value::Success(bytes) => Ok(crate::sdk::text(&bytes)),
            other => panic!("{other:?}"),
        }
    }
}
