//! Proposals and coverage on Chinook and on ugly schemas.
