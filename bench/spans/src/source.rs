//! What both systems make their span of: the end of an attempt, with the seven attributes that Restate documents.

/// Values as a runtime has them; the spans get copies of the four texts.
pub(crate) struct Source {
    pub(crate) invocation_id: String,
    pub(crate) target: String,
    pub(crate) deployment_id: String,
    pub(crate) deployment_address: String,
    pub(crate) protocol_version: i64,
    /// Nanoseconds since the Unix epoch.
    pub(crate) started_ns: u64,
}

pub(crate) const SERVICE: &str = "Greeter";
pub(crate) const HANDLER: &str = "greet";
pub(crate) const DURATION_NS: u64 = 1_000_000;
/// The span above, which all spans share.
pub(crate) const TRACE_ID: [u8; 16] = [0x4b; 16];
pub(crate) const PARENT_ID: [u8; 8] = [0x35; 8];

impl Source {
    pub(crate) fn new() -> Self {
        Self {
            invocation_id: "inv_1bq3X0aJ2hKr0Hn3y1J5Wk3TQmTQ0p4f".into(),
            target: "Greeter/greet".into(),
            deployment_id: "dp_11nGQpCRmau6ypL82KH2TnP".into(),
            deployment_address: "http://127.0.0.1:9080/".into(),
            protocol_version: 6,
            started_ns: 1_795_176_249_103_000_000,
        }
    }
}
