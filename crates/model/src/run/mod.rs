//! Run state. Placeholder until the plan is laid.
