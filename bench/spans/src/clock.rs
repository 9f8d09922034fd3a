//! CPU time, which other work on the machine moves least.

use rustix::time::{ClockId, clock_gettime};

/// CPU time of this thread, in nanoseconds.
pub(crate) fn thread_ns() -> u64 {
    read(ClockId::ThreadCPUTime)
}

/// CPU time of all threads of this process, in nanoseconds.
pub(crate) fn process_ns() -> u64 {
    read(ClockId::ProcessCPUTime)
}

fn read(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    u64::try_from(time.tv_sec).expect("CPU time is not negative") * 1_000_000_000
        + u64::try_from(time.tv_nsec).expect("CPU time is not negative")
}
