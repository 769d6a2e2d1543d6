//! Entries folded into the edges of a service map over time windows.
