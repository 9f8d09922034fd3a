//! What a program uses to say what its job does.

pub(crate) mod chain;
pub(crate) mod environment;
pub(crate) mod functions;
pub(crate) mod joined_streams;
pub(crate) mod keyed_stream;
pub(crate) mod output_tag;
pub(crate) mod sink;
pub(crate) mod source;
pub(crate) mod stream;
pub(crate) mod watermark;
pub(crate) mod window_functions;
pub(crate) mod windowed_stream;
pub(crate) mod windows;
