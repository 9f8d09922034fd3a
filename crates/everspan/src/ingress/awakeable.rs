//! Completing an awakeable from outside: the body is the value, or the reason of a rejection.

use everspan_durable::record::{Failure, Message, Outcome, SignalName};
use hyper::body::Incoming;

use super::answer::{self, Failed};
use super::body;
use super::route::AwakeableRoute;
use super::{HttpResponse, Ingress};

impl Ingress {
    pub(super) async fn complete_awakeable(
        &self,
        route: AwakeableRoute,
        body: Incoming,
    ) -> Result<HttpResponse, Failed> {
        let (body, _room) = body::read(body, self.body_max, &self.router).await?;
        let outcome = if route.reject {
            Outcome::Failure(Failure::new(500, String::from_utf8_lossy(&body)))
        } else {
            Outcome::Success(body)
        };
        let message = Message::Signal {
            id: route.id.invocation,
            name: SignalName::Index(route.id.signal),
            outcome: Some(outcome),
        };
        self.router.ask(message).await?;
        Ok(answer::empty(202))
    }
}
