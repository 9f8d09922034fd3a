//! Stories of the invocation machine: partitions, logs and conversations of scripted services, on virtual time.

mod calls;
mod context;
mod core;
mod crashes;
mod ending;
mod events;
mod hostile;
mod keep;
mod lifecycle;
mod official;
mod retries;
mod sdk;
mod slots;
mod state;
mod stop;
mod traces;
mod waiting;
mod workflows;
mod world;
