//! Keys of checkpoint and recovery spans. Names without `everspan.` are Flink's; all sizes are bytes, all times that
//! end in `Ts` milliseconds since the Unix epoch.

use super::aggregate::aggregates;
use super::key::{attributes, places, value_type};
use super::{Aggregate, AttributeDef, Key, KeyPrefix, Text};
use crate::catalog::Place;

attributes! {
    on spans [CHECKPOINT, JOB_INITIALIZATION] {
        /// When it started, in ms since the epoch.
        START_TS: i64 = "startTs";
        /// When it ended, in ms since the epoch.
        END_TS: i64 = "endTs";
    }
    on spans [CHECKPOINT, JOB_INITIALIZATION, JOB_FAILURE] {
        /// The id of the job; of the server's own partitions the name of the cluster.
        JOB_ID: Text = "jobId";
    }
    on spans [CHECKPOINT, CHECKPOINT_TASK, CHECKPOINT_SUBTASK, JOB_INITIALIZATION] {
        /// The id of the checkpoint; of a start the one that is restored, if any.
        CHECKPOINT_ID: i64 = "checkpointId";
    }
    on spans [CHECKPOINT, JOB_INITIALIZATION] {
        /// Bytes of all state that the checkpoint refers to.
        FULL_SIZE: i64 = "fullSize";
    }
    on spans [CHECKPOINT] {
        /// Bytes that this checkpoint wrote; less than `fullSize` when it is incremental.
        CHECKPOINTED_SIZE: i64 = "checkpointedSize";
        /// `COMPLETED` or `FAILED`.
        CHECKPOINT_STATUS: Text = "checkpointStatus";
        /// `Checkpoint`, `Full Checkpoint`, `Savepoint` or `Terminate Savepoint`.
        CHECKPOINT_TYPE: Text = "checkpointType";
        /// Whether barriers overtook records.
        IS_UNALIGNED: bool = "isUnaligned";
        /// Bytes of the manifest.
        METADATA_SIZE: i64 = "metadataSize";
        /// Why it failed, in words.
        CHECKPOINT_FAILURE_REASON: Text = "everspan.checkpoint.failure_reason";
    }
    on spans [JOB_INITIALIZATION] {
        /// `COMPLETED` or `FAILED`.
        INITIALIZATION_STATUS: Text = "initializationStatus";
    }
    on spans [JOB_FAILURE] {
        /// Whether the job is started again.
        CAN_RESTART: bool = "canRestart";
        /// Whether the failure is that of the whole job, not of one task.
        IS_GLOBAL_FAILURE: bool = "isGlobalFailure";
    }
    on spans [CHECKPOINT_TASK, CHECKPOINT_SUBTASK, JOB_INITIALIZATION_TASK, JOB_INITIALIZATION_SUBTASK] {
        /// The id of the task.
        JOB_VERTEX_ID: Text = "jobVertexId";
        /// The name of the task; `partition` for the server's own.
        TASK_NAME: Text = "task_name";
    }
    on spans [CHECKPOINT_SUBTASK, JOB_INITIALIZATION_SUBTASK] {
        /// The index of the subtask in its task, from 0.
        SUBTASK_ID: i64 = "subtaskId";
        /// The host that the subtask runs on.
        HOST: Text = "host";
    }
}

/// A label that someone put on the failure: `failureLabel.<label>`.
pub const FAILURE_LABEL: KeyPrefix = KeyPrefix {
    name: "failureLabel.",
};

pub(super) const PREFIXES: &[AttributeDef] = &[row(
    "failureLabel.<label>",
    "string",
    places!(spans[JOB_FAILURE]),
    "A label that someone put on the failure.",
)];

aggregates! {
    max on [CHECKPOINT, CHECKPOINT_TASK]
    sum on [CHECKPOINT, CHECKPOINT_TASK]
    one on [CHECKPOINT_SUBTASK]
    per task on [CHECKPOINT]
    {
        /// Milliseconds from the first to the last barrier.
        ALIGNMENT_DURATION_MS = "AlignmentDurationMs";
        /// Milliseconds of the part during which no record is processed.
        SYNC_CHECKPOINT_DURATION_MS = "SyncCheckpointDurationMs";
        /// Milliseconds of the part beside the work.
        ASYNC_CHECKPOINT_DURATION_MS = "AsyncCheckpointDurationMs";
        /// Milliseconds from the trigger to the first barrier.
        CHECKPOINT_START_DELAY_MS = "CheckpointStartDelayMs";
        /// Bytes of records in flight that the checkpoint holds (unaligned).
        PERSISTED_DATA_BYTES = "PersistedDataBytes";
        /// Bytes of records processed during the alignment.
        PROCESSED_DATA_BYTES = "ProcessedDataBytes";
    }
    // Their sums over all subtasks are `fullSize` and `checkpointedSize`.
    max on [CHECKPOINT, CHECKPOINT_TASK]
    sum on [CHECKPOINT_TASK]
    one on [CHECKPOINT_SUBTASK]
    per task on [CHECKPOINT]
    {
        /// Bytes of all state that the checkpoint refers to.
        STATE_SIZE_BYTES = "StateSizeBytes";
        /// Bytes that this checkpoint wrote.
        CHECKPOINTED_SIZE_BYTES = "CheckpointedSizeBytes";
    }
    max on [JOB_INITIALIZATION, JOB_INITIALIZATION_TASK]
    sum on [JOB_INITIALIZATION, JOB_INITIALIZATION_TASK]
    one on [JOB_INITIALIZATION_SUBTASK]
    per task on [JOB_INITIALIZATION]
    {
        /// Milliseconds from the creation of the subtask until its classes and objects are there.
        MAILBOX_START_DURATION_MS = "MailboxStartDurationMs";
        /// Milliseconds to read the output buffers of an unaligned checkpoint.
        READ_OUTPUT_DATA_DURATION_MS = "ReadOutputDataDurationMs";
        /// Milliseconds to initialize the state backend, downloads included.
        INITIALIZE_STATE_DURATION_MS = "InitializeStateDurationMs";
        /// Milliseconds to read the input buffers of an unaligned checkpoint.
        GATE_RESTORE_DURATION_MS = "GateRestoreDurationMs";
        /// Milliseconds to bring state files to this host.
        DOWNLOAD_STATE_DURATION_MS = "DownloadStateDurationMs";
        /// Milliseconds to restore the backend from local files.
        RESTORE_STATE_DURATION_MS = "RestoreStateDurationMs";
        /// Milliseconds to compact what was restored, beside the work.
        RESTORE_ASYNC_COMPACTION_DURATION_MS = "RestoreAsyncCompactionDurationMs";
        /// Bytes restored from the memory of the coordinator: what the manifest holds itself.
        RESTORED_STATE_SIZE_BYTES_LOCAL_MEMORY = "RestoredStateSizeBytes.LOCAL_MEMORY";
        /// Bytes restored from this host's disk: local recovery.
        RESTORED_STATE_SIZE_BYTES_LOCAL_DISK = "RestoredStateSizeBytes.LOCAL_DISK";
        /// Bytes restored from the checkpoint store.
        RESTORED_STATE_SIZE_BYTES_REMOTE = "RestoredStateSizeBytes.REMOTE";
        /// Bytes restored from elsewhere.
        RESTORED_STATE_SIZE_BYTES_UNKNOWN = "RestoredStateSizeBytes.UNKNOWN";
    }
}

const fn row(
    key: &'static str,
    value_type: &'static str,
    on: &'static [Place],
    description: &'static str,
) -> AttributeDef {
    AttributeDef {
        key,
        value_type,
        on,
        description: description.trim_ascii(),
    }
}

/// Values of [`CHECKPOINT_STATUS`] and [`INITIALIZATION_STATUS`].
pub mod status {
    /// It is whole.
    pub const COMPLETED: &str = "COMPLETED";
    /// It is not, and never will be.
    pub const FAILED: &str = "FAILED";
}

/// Values of [`CHECKPOINT_TYPE`].
pub mod checkpoint_type {
    /// Made for recovery; old ones are forgotten.
    pub const CHECKPOINT: &str = "Checkpoint";
    /// Refers to no file of an earlier one.
    pub const FULL_CHECKPOINT: &str = "Full Checkpoint";
    /// Asked for, and kept.
    pub const SAVEPOINT: &str = "Savepoint";
    /// Asked for, and the last of its run.
    pub const TERMINATE_SAVEPOINT: &str = "Terminate Savepoint";
}
