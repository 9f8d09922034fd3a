//! Stories of the invocation machine: partitions, logs and conversations of scripted services, on virtual time.

mod calls;
mod core;
mod crashes;
mod ending;
mod events;
mod hostile;
mod lifecycle;
mod official;
mod retries;
mod sdk;
mod state;
mod stop;
mod waiting;
mod workflows;
mod world;
