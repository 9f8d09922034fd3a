//! The discovery manifest: what a deployment offers.
