//! An engine that is a map with declared atomicity, for exhaustive crash tests.
