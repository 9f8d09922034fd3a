//! Every kind of span.

use super::SpanDef;
use crate::SpanKind;

/// The scope of the spans of an invocation.
pub const INVOCATION_SCOPE: &str = "everspan.invocation";
/// The scope of the spans of checkpoints and recovery: the one that Flink documents.
pub const CHECKPOINT_SCOPE: &str = "org.apache.flink.runtime.checkpoint.CheckpointStatsTracker";

macro_rules! spans {
    ($(
        $(#[$doc:meta])*
        $name:ident = $prefix:literal $([$target:literal])?, $kind:ident, $scope:ident,
            parent $parent:literal, time $time:literal, status $status:literal;
    )*) => {
        $(
            $(#[$doc])*
            pub const $name: SpanDef = SpanDef {
                scope: $scope,
                prefix: $prefix,
                kind: SpanKind::$kind,
                has_target: false $(|| !$target.is_empty())?,
                parent: $parent,
                time: $time,
                status: $status,
            };
        )*
        /// Every kind of span.
        pub const SPANS: &[SpanDef] = &[$($name),*];
    };
}

spans! {
    /// A request at the ingress, from its headers until it is durably accepted or refused.
    INGRESS = "ingress" ["<target>"], Server, INVOCATION_SCOPE,
        parent "the client's `traceparent`, else none",
        time "request line and headers are read – the request is durably accepted, or refused",
        status "ERROR when it is refused with 5xx, else unset";
    /// From the creation of an invocation until it is handed to its first attempt: the parent of the spans below.
    START = "invocation-start" ["<target>"], Consumer, INVOCATION_SCOPE,
        parent "the ingress span; of a call the caller's attempt; of a one-way call none, and a link to it",
        time "the invocation is created – its first attempt begins, or it ends without one",
        status "unset";
    /// One attempt, from its begin until it ends for any reason.
    ATTEMPT = "invocation-attempt" ["<target>"], Client, INVOCATION_SCOPE,
        parent "`invocation-start`",
        time "the attempt begins – it ends, for whatever reason",
        status "OK when the handler completed, also with a terminal error; ERROR with the text of a retryable error; else unset";
    /// The completion.
    END = "invocation-end" ["<target>"], Internal, INVOCATION_SCOPE,
        parent "`invocation-start`",
        time "the completion",
        status "OK, or ERROR with the error's text";

    /// A checkpoint that is completed or failed, also one that was refused before it began.
    CHECKPOINT = "Checkpoint", Internal, CHECKPOINT_SCOPE,
        parent "none; a link to the `JobInitialization` of its run",
        time "the checkpoint is triggered – it is completed or aborted",
        status "ERROR with the reason when it failed, else unset";
    /// One task's part in a checkpoint.
    CHECKPOINT_TASK = "Checkpoint_Task", Internal, CHECKPOINT_SCOPE,
        parent "`Checkpoint`",
        time "the task's first subtask begins – its last one acknowledges",
        status "unset";
    /// One subtask's part in a checkpoint.
    CHECKPOINT_SUBTASK = "Checkpoint_Subtask", Internal, CHECKPOINT_SCOPE,
        parent "`Checkpoint_Task`",
        time "the subtask begins – it acknowledges",
        status "unset";
    /// One start or restart of a job, once every subtask has reported or the start has failed.
    JOB_INITIALIZATION = "JobInitialization", Internal, CHECKPOINT_SCOPE,
        parent "none; links to the `Checkpoint` that is restored and to the `JobFailure` that made it necessary",
        time "the start begins – the last subtask is initialized, or the start has failed",
        status "ERROR with the reason when it failed, else unset";
    /// One task's part in a start.
    JOB_INITIALIZATION_TASK = "JobInitialization_Task", Internal, CHECKPOINT_SCOPE,
        parent "`JobInitialization`",
        time "the task's first subtask begins – its last one is initialized",
        status "unset";
    /// One subtask's part in a start.
    JOB_INITIALIZATION_SUBTASK = "JobInitialization_Subtask", Internal, CHECKPOINT_SCOPE,
        parent "`JobInitialization_Task`",
        time "the subtask begins – it is initialized, or has failed",
        status "unset";
    /// A failure of a job.
    JOB_FAILURE = "JobFailure", Internal, CHECKPOINT_SCOPE,
        parent "none",
        time "the failure",
        status "ERROR with the error's text";

    /// Phase of a subtask's checkpoint: waits until the barrier has come on every input.
    ALIGN = "align", Internal, CHECKPOINT_SCOPE,
        parent "`Checkpoint_Subtask`", time "the phase", status "unset";
    /// Phase of a subtask's checkpoint: takes the snapshot; no record is processed meanwhile.
    SYNC = "sync", Internal, CHECKPOINT_SCOPE,
        parent "`Checkpoint_Subtask`", time "the phase", status "unset";
    /// Phase of a subtask's checkpoint: writes the snapshot beside the work.
    ASYNC = "async", Internal, CHECKPOINT_SCOPE,
        parent "`Checkpoint_Subtask`", time "the phase", status "unset";
    /// Phase of a subtask's checkpoint: brings new files to the checkpoint store.
    UPLOAD = "upload", Internal, CHECKPOINT_SCOPE,
        parent "`Checkpoint_Subtask`", time "the phase", status "unset";
    /// Phase of a subtask's start: brings files from the checkpoint store.
    DOWNLOAD = "download", Internal, CHECKPOINT_SCOPE,
        parent "`JobInitialization_Subtask`", time "the phase", status "unset";
    /// Phase of a subtask's start: makes state of local files.
    RESTORE = "restore", Internal, CHECKPOINT_SCOPE,
        parent "`JobInitialization_Subtask`", time "the phase", status "unset";
    /// Phase of a subtask's start: reads the input buffers of an unaligned checkpoint.
    READ_INPUT = "read-input", Internal, CHECKPOINT_SCOPE,
        parent "`JobInitialization_Subtask`", time "the phase", status "unset";
    /// Phase of a subtask's start: reads the output buffers of an unaligned checkpoint.
    READ_OUTPUT = "read-output", Internal, CHECKPOINT_SCOPE,
        parent "`JobInitialization_Subtask`", time "the phase", status "unset";
    /// Phase of a subtask's start: compacts what was restored, beside the work.
    COMPACT = "compact", Internal, CHECKPOINT_SCOPE,
        parent "`JobInitialization_Subtask`", time "the phase", status "unset";
}
